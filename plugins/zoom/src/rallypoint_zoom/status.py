"""Zoom in ``GET /integrations/status`` and on the page of integrations: it is the operator's, not the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.domains.integrations.api import IntegrationSource, Section, Viewer
from rallypoint.sdk import PluginContext
from rallypoint_zoom.settings import settings_of

_SUMMARY = (
    "Meetings for your appointments, made in the Zoom account of this server. There is nothing to connect."
)
_SANDBOX = "Meetings of the sandbox are recorded and not made: this server has no Zoom account for it."


class ZoomStatus:
    """What a user sees of Zoom.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._settings = settings_of(ctx)

    def source(self) -> IntegrationSource:
        """Return it for the integrations domain."""
        return IntegrationSource("zoom", "Zoom", status=self.status, section=self.section)

    async def status(self, viewer: Viewer) -> Mapping[str, Any]:
        """Return whether meetings can be made."""
        return {"connected": self._settings.credentials(viewer.mode) is not None, "managedBy": "operator"}

    async def section(self, viewer: Viewer) -> Section:
        """Return the section of the page."""
        if self._settings.credentials(viewer.mode) is None:
            return Section("Zoom", _SANDBOX)
        return Section("Zoom", _SUMMARY, "connected")
