"""A connected calendar in ``GET /integrations/status`` and on the page of integrations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rallypoint.domains.booking.api.calendars import CalendarSync, SyncMode
from rallypoint.domains.booking.api.connecting import CalendarService
from rallypoint.domains.booking.api.connecting_schemas import SettingsBody, sync_mode_of
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

_SUMMARY = "Your appointments in your calendar, and, if you like, changes that you make there back here."


def calendar_source(ctx: PluginContext, calendar: CalendarService) -> IntegrationSource:
    """Return what a user sees of the own calendar: the documented object, and the section with its sync mode.

    Args:
        ctx: Of the plugin.
        calendar: Which one.
    """
    shown = _Shown(ctx, calendar)
    return IntegrationSource(calendar.key, calendar.title, calendar.service, shown.status, shown.section)


class _Shown:
    def __init__(self, ctx: PluginContext, calendar: CalendarService) -> None:
        self._ctx, self._calendar = ctx, calendar
        self._modes: Mapping[SyncMode, str] = {
            "one-way": f"To {calendar.there} only",
            "two-way": "Both ways",
        }

    async def status(self, viewer: Viewer) -> Mapping[str, Any]:
        connection = await self._connection(viewer)
        if connection is None:
            return {"connected": False}
        settings = await self._ctx.service(CalendarSync).settings(connection)
        return {
            "connected": True,
            "email": connection.label,
            "syncMode": settings.mode,
            "lastSyncAt": None if settings.last_sync_at is None else _moment(settings.last_sync_at),
            "needsReauth": connection.state == "needs_reauth",
        }

    async def section(self, viewer: Viewer) -> Section:
        common = await self._ctx.service(Integrations).section(viewer, self._calendar.service)
        connection = await self._connection(viewer)
        if connection is None:
            return replace(common, summary=_SUMMARY)
        settings = await self._ctx.service(CalendarSync).settings(connection)
        last = settings.last_sync_at
        synced = Fact("Last sync", "not yet") if last is None else Fact("Last sync", at=last)
        facts = (*common.facts, Fact("Sync", self._modes[settings.mode]), synced)
        choices = tuple(self._modes.items())
        field = Input("sync_mode", "Sync", "select", value=settings.mode, choices=choices)
        action = Action("sync-mode", "Change", self._choose, fields=(field,))
        return replace(common, summary=_SUMMARY, facts=facts, actions=(action, *common.actions))

    async def _choose(self, viewer: Viewer, values: Mapping[str, str]) -> Went:
        connection = await self._connection(viewer)
        if connection is None:
            raise NotFound(self._calendar.not_connected)
        mode = sync_mode_of(SettingsBody(syncMode=values.get("sync_mode")))
        await self._ctx.service(CalendarSync).set_mode(connection, mode)
        return Went(f"{self._calendar.title} is synced: {self._modes[mode].lower()}")

    async def _connection(self, viewer: Viewer) -> Connection | None:
        connections = self._ctx.kernel.connections
        return await connections.find(viewer.account_id, viewer.user_id, viewer.mode, self._calendar.service)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
