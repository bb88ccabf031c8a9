"""Rooms start and end by themselves, with the same events as by hand; the rows are the timetable."""

from __future__ import annotations

from rallypoint.domains.rooms.lifecycle import Lifecycle
from rallypoint.domains.rooms.records import lock_room
from rallypoint.storage import clock
from rallypoint.storage.database import Database

BATCH = 50
SWEEP_SECONDS = 1.0


class Timetable:
    """Turns due rooms over.

    Args:
        database: Where rooms are.
        lifecycle: The steps, with their events.
    """

    def __init__(self, database: Database, lifecycle: Lifecycle) -> None:
        self._database = database
        self._lifecycle = lifecycle

    async def run(self) -> None:
        """Start and end every room whose time has come, one short transaction each."""
        while due := await self._due():
            for room_id in due:
                await self._turn(room_id)

    async def _due(self) -> list[str]:
        rows = await self._database.fetch(
            "SELECT id FROM rooms WHERE next_at <= ? ORDER BY next_at LIMIT ?", clock.now(), BATCH
        )
        return [row["id"] for row in rows]

    async def _turn(self, room_id: str) -> None:
        async with self._database.transaction() as tx:
            room = await lock_room(tx, room_id)
            if room is None or room["next_at"] is None or room["next_at"] > clock.now():
                return  # somebody else was quicker, or moved it
            if room["status"] == "scheduled":
                await self._lifecycle.change(tx, room, {"status": "active"}, None)
            else:
                await self._lifecycle.end(tx, room, None)
