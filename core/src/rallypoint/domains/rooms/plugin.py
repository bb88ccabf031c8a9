"""Rooms as a plugin: the same hooks as any provider's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rallypoint.domains.rooms.api import Rooms
from rallypoint.domains.rooms.channel import RoomChannel
from rallypoint.domains.rooms.domain import RoomsDomain
from rallypoint.domains.rooms.routes import room_routes
from rallypoint.domains.rooms.schemas import RoomEvent
from rallypoint.domains.rooms.service import WAKE
from rallypoint.domains.rooms.timetable import SWEEP_SECONDS
from rallypoint.sdk import Channel, EventType, PluginContext, Route, hookimpl

_SUMMARIES = {
    "room.created": "A room was created",
    "room.updated": "A room's details or status changed",
    "room.ended": "A room ended",
    "participant.joined": "Somebody joined a room",
    "participant.left": "Somebody left a room",
}


@hookimpl
def register_models() -> str:
    """Name the tables of rooms."""
    return "rallypoint.domains.rooms.models"


@hookimpl
def register_events() -> Sequence[EventType]:
    """Declare the five documented events, and the change of a stay's flags for sockets."""
    documented = [EventType(name, summary, RoomEvent) for name, summary in _SUMMARIES.items()]
    return [*documented, EventType("participant.updated", "Somebody's flags changed", webhooks=False)]


@hookimpl
def register_services(ctx: PluginContext) -> Mapping[type, object]:
    """Offer rooms to plugins that bring sessions in."""
    return {Rooms: ctx.once(RoomsDomain).external}


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve rooms.md."""
    domain = ctx.once(RoomsDomain)
    return room_routes(domain.rooms, domain.stays, domain.integrations)


@hookimpl
def register_channels(ctx: PluginContext) -> Sequence[Channel]:
    """Let sockets follow rooms."""
    domain = ctx.once(RoomsDomain)
    return [RoomChannel(domain.rooms, domain.stays, ctx.kernel.outbox)]


@hookimpl
async def startup(ctx: PluginContext) -> None:
    """Collect what other plugins add, and keep the timetable."""
    domain = ctx.once(RoomsDomain)
    for source in await ctx.kernel.hooks.collect("register_room_sources"):
        domain.integrations.add_source(source)

    async def wake(_key: str) -> None:
        await domain.timetable.run()

    ctx.kernel.jobs.handle(WAKE, wake)
    ctx.kernel.jobs.every(SWEEP_SECONDS, f"{WAKE}.sweep", domain.timetable.run)
