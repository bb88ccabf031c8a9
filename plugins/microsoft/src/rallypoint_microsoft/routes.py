"""``/integrations/microsoft``: connect, callback, disconnect, settings."""

from __future__ import annotations

from rallypoint.domains.booking.api.connecting import calendar_routes as shared_routes
from rallypoint.sdk import PluginContext, Route
from rallypoint_microsoft.services import OUTLOOK


def calendar_routes(ctx: PluginContext) -> list[Route]:
    """Return the routes that integrations.md has of Google's, for Outlook."""
    return shared_routes(ctx, OUTLOOK, tag="microsoft")
