"""The parts of rooms, put together once for each server."""

from __future__ import annotations

from rallypoint.domains.rooms.external import ExternalRooms
from rallypoint.domains.rooms.integrations import Integrations
from rallypoint.domains.rooms.lifecycle import Lifecycle
from rallypoint.domains.rooms.service import RoomService
from rallypoint.domains.rooms.stays import StayService
from rallypoint.domains.rooms.timetable import Timetable
from rallypoint.plugins.context import PluginContext


class RoomsDomain:
    """What the hooks of rooms share.

    Args:
        ctx: The kernel's services.
    """

    def __init__(self, ctx: PluginContext) -> None:
        kernel = ctx.kernel
        lifecycle = Lifecycle(kernel.outbox)
        self.rooms = RoomService(kernel.database, lifecycle, kernel.targets, kernel.jobs)
        self.stays = StayService(kernel.database, lifecycle, self.rooms)
        self.external = ExternalRooms(kernel.database, lifecycle, kernel.jobs)
        self.integrations = Integrations(
            kernel.database, lifecycle, self.rooms, self.external, kernel.targets, kernel.vault
        )
        self.timetable = Timetable(kernel.database, lifecycle)
