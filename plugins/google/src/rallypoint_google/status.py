"""Google Calendar in ``GET /integrations/status`` and on the page of integrations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rallypoint.domains.booking.api import CalendarSync
from rallypoint.domains.integrations.api import (
    Action,
    Fact,
    Input,
    Integrations,
    IntegrationSource,
    Section,
    Viewer,
    Went,
)
from rallypoint.sdk import Connection, NotFound, PluginContext
from rallypoint_google.mapping import moment
from rallypoint_google.routes import NOT_CONNECTED
from rallypoint_google.schemas import SettingsBody, sync_mode_of
from rallypoint_google.services import CALENDAR

_SUMMARY = "Your appointments in your calendar, and, if you like, changes that you make there back here."
_MODES = (("one-way", "To Google only"), ("two-way", "Both ways"))


class CalendarStatus:
    """What a user sees of the own calendar.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx = ctx

    def source(self) -> IntegrationSource:
        """Return it for the integrations domain."""
        return IntegrationSource("googleCalendar", "Google Calendar", CALENDAR, self.status, self.section)

    async def status(self, viewer: Viewer) -> Mapping[str, Any]:
        """Return the documented object."""
        connection = await self._connection(viewer)
        if connection is None:
            return {"connected": False}
        settings = await self._ctx.service(CalendarSync).settings(connection)
        return {
            "connected": True,
            "email": connection.label,
            "syncMode": settings.mode,
            "lastSyncAt": None if settings.last_sync_at is None else moment(settings.last_sync_at),
            "needsReauth": connection.state == "needs_reauth",
        }

    async def section(self, viewer: Viewer) -> Section:
        """Return the section of the page: what the core shows of a connection, and how it is synced."""
        common = await self._ctx.service(Integrations).section(viewer, CALENDAR)
        connection = await self._connection(viewer)
        if connection is None:
            return replace(common, summary=_SUMMARY)
        settings = await self._ctx.service(CalendarSync).settings(connection)
        synced = (
            Fact("Last sync", "not yet")
            if settings.last_sync_at is None
            else Fact("Last sync", at=settings.last_sync_at)
        )
        facts = (*common.facts, Fact("Sync", dict(_MODES)[settings.mode]), synced)
        field = Input("sync_mode", "Sync", "select", value=settings.mode, choices=_MODES)
        action = Action("sync-mode", "Change", self._choose, fields=(field,))
        return replace(common, summary=_SUMMARY, facts=facts, actions=(action, *common.actions))

    async def _choose(self, viewer: Viewer, values: Mapping[str, str]) -> Went:
        connection = await self._connection(viewer)
        if connection is None:
            raise NotFound(NOT_CONNECTED)
        mode = sync_mode_of(SettingsBody(syncMode=values.get("sync_mode")))
        await self._ctx.service(CalendarSync).set_mode(connection, mode)
        return Went(f"Google Calendar is synced: {dict(_MODES)[mode].lower()}")

    async def _connection(self, viewer: Viewer) -> Connection | None:
        connections = self._ctx.kernel.connections
        return await connections.find(viewer.account_id, viewer.user_id, viewer.mode, CALENDAR)
