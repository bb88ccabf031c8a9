"""Customers as a plugin."""

from __future__ import annotations

from collections.abc import Mapping

from rallypoint.domains.customers.api import Customers
from rallypoint.domains.customers.service import CustomerService
from rallypoint.sdk import PluginContext, hookimpl


@hookimpl
def register_models() -> str:
    """Name the tables of customers."""
    return "rallypoint.domains.customers.models"


@hookimpl
def register_services(ctx: PluginContext) -> Mapping[type, object]:
    """Offer customers to booking and the inbox."""
    return {Customers: CustomerService(ctx.kernel.database)}
