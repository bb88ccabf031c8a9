"""Booking as a plugin: the same hooks as any provider's."""

from __future__ import annotations

from rallypoint.sdk import hookimpl


@hookimpl
def register_models() -> str:
    """Name the tables of booking."""
    return "rallypoint.domains.booking.models"
