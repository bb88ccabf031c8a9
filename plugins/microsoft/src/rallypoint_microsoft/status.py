"""The Outlook calendar in ``GET /integrations/status`` and on the page of integrations."""

from __future__ import annotations

from rallypoint.domains.booking.api.connecting_status import calendar_source
from rallypoint.domains.integrations.api import IntegrationSource
from rallypoint.sdk import PluginContext
from rallypoint_microsoft.services import OUTLOOK


def source(ctx: PluginContext) -> IntegrationSource:
    """Return it for the integrations domain."""
    return calendar_source(ctx, OUTLOOK)
