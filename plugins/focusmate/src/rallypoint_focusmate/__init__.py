"""Focusmate for Rallypoint: hook implementations only."""

from __future__ import annotations

from collections.abc import Sequence

from rallypoint.domains.rooms.api import RoomSource
from rallypoint.sdk import ApiKeyConnection, Connection, PluginContext, PluginSettings, Task, hookimpl
from rallypoint_focusmate.client import fetch_me
from rallypoint_focusmate.mapping import SERVICE
from rallypoint_focusmate.settings import FocusmateSettings
from rallypoint_focusmate.source import Source, authorize
from rallypoint_focusmate.sync import Sync


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return FocusmateSettings


@hookimpl
def register_connections(ctx: PluginContext) -> Sequence[ApiKeyConnection]:
    """Let users connect their account with its API key."""

    async def identify(connection: Connection) -> str:
        me = await fetch_me(connection.client)
        return me.name or me.user_id

    summary = "Your booked Focusmate sessions as rooms, with your partner's arrival as it happens."
    return [ApiKeyConnection(SERVICE, "Focusmate", _settings(ctx).api_url, authorize, identify, summary)]


@hookimpl
def register_tasks(ctx: PluginContext) -> Sequence[Task]:
    """Look at each user's sessions at intervals."""
    settings = _settings(ctx)
    sync = Sync(ctx, settings)
    return [Task("sync", every=settings.sync_seconds, run=sync.run, service=SERVICE)]


@hookimpl
def register_room_sources(ctx: PluginContext) -> Sequence[RoomSource]:
    """Let ``POST /rooms/:id/sync`` pull one session."""
    return [RoomSource(SERVICE, Source(ctx, _settings(ctx)).pull)]


def _settings(ctx: PluginContext) -> FocusmateSettings:
    if not isinstance(ctx.settings, FocusmateSettings):
        raise TypeError("the plugin was given another plugin's settings")
    return ctx.settings
