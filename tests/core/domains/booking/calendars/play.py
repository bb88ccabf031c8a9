"""Both sides of a sync as players: each changes what it likes, calls fail, and in the end they are compared."""

from __future__ import annotations

from typing import Any

from rallypoint.connections.api import Owner
from rallypoint.errors import Conflict, PluginError
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id
from support.memory_calendar import Killed, MemoryCalendar

from .conftest import World

ROUNDS = 8
HERE = ("book", "move", "move", "say", "cancel")
THERE = ("add", "move", "move", "say", "delete", "restore")
CALLS = ("insert", "update", "delete", "get", "changes")
ENGINE = ("poll", "push")
MODES = ("one-way", "two-way")


class Play:
    """One user with a calendar.

    Args:
        world: Where; shared by many plays, one after the other.
        skew: By how many ms the provider's clock is ahead.
    """

    def __init__(self, world: World, skew: int) -> None:
        self.world = world
        world.owner = Owner(new_id(), new_id(), "live")
        self.calendar = world.calendar = MemoryCalendar(2, lambda: clock.now() + skew)
        self.practitioner: int | None = None
        self.ours: list[int] = []
        self.cancelled: set[int] = set()
        self.deleted: set[str] = set()
        self.changes = self.faults = 0

    async def begin(self, strict: bool, mode: str) -> None:
        """Connect, with two appointments and an event; a strict host is never booked twice at once."""
        await self.world.open_again()
        self.practitioner = await self.world.practitioner() if strict else None
        self.connection = await self.world.connect(mode)
        await self.here("book", 0, 0)
        await self.there("add", 0, 2)
        await self.engine("poll")
        await self.here("book", 0, 4)
        await self.engine("push")

    async def here(self, kind: str, pick: int, hour: int) -> None:
        """Change an appointment."""
        self.changes += 1
        rows = await self.world.appointments()
        try:
            if kind == "book" or not rows:
                view = await self.world.book(hour, practitioner_id=self.practitioner)
                self.ours.append(view.id)
            else:
                await self._change(kind, rows[pick % len(rows)]["id"], hour)
        except Conflict:
            assert self.practitioner

    async def _change(self, kind: str, id_: int, hour: int) -> None:
        view = await self.world.booking.booker.get(**self.world.who(), appointment_id=id_)
        if kind == "move":
            await self.world.move(view, hour)
        elif kind == "say":
            await self.world.change(view, notes=f"{hour} o'clock")
        else:
            await self.world.cancel(view)
            self.cancelled.add(id_)

    async def there(self, kind: str, pick: int, hour: int) -> None:
        """Change an event."""
        self.changes += 1
        calendar, start, end = self.calendar, self.world.at(hour), self.world.at(hour + 1)
        standing = calendar.standing
        gone = sorted(self.deleted)
        if kind == "restore" and gone:
            id_ = gone[pick % len(gone)]
            calendar.change(id_, status="confirmed")
            self.deleted.discard(id_)
        elif kind in ("add", "restore") or not standing:
            calendar.add(start, end, recurring=pick == 7, summary="Call")
        elif kind == "move":
            calendar.change(standing[pick % len(standing)].id, start=start, end=end)
        elif kind == "say":
            calendar.change(standing[pick % len(standing)].id, summary=f"{hour} o'clock")
        else:
            self.deleted.add(standing[pick % len(standing)].id)
            calendar.remove(standing[pick % len(standing)].id)

    async def engine(self, kind: str) -> None:
        """Let the engine come by; who is killed there is succeeded by another process."""
        await self.world.hurry()
        try:
            await (self.world.poll() if kind == "poll" else self.world.push())
        except (PluginError, Killed):
            await self.world.overtake()

    async def fail(self, call: str, lost: bool, killed: bool) -> None:
        """Let a call go wrong."""
        self.faults += 1
        self.calendar.fail(call, Killed() if killed else None, lost=lost)

    async def forget(self) -> None:
        """Let the provider forget where the engine was."""
        self.calendar.forget_cursors()

    async def switch(self, mode: Any) -> None:
        """Let the owner choose."""
        await self.world.engine.set_mode(self.connection, mode)

    async def end(self) -> None:
        """Let both sides come to rest, and compare them."""
        world, calendar = self.world, self.calendar
        calendar.faults.clear()
        await world.engine.set_mode(self.connection, "two-way")
        for _ in range(ROUNDS):
            await world.hurry()
            await world.sync()
        writes, told = list(calendar.writes), await world.events()
        await world.sync()
        assert (calendar.writes, await world.events()) == (writes, told), "they go on and on"
        assert len(writes) <= self.changes + 2 * self.faults, "more was written than happened"
        await self._compare()

    async def _compare(self) -> None:
        links = {row["appointment_id"]: row["external_id"] for row in await self.world.links()}
        standing = {event.id: event for event in self.calendar.standing}
        appointments = {row["id"]: row for row in await self.world.appointments()}
        for id_, row in appointments.items():
            event = standing.pop(links[id_])
            assert (event.start, event.end) == (row["start_at"], row["end_at"])
        await self._compare_others(standing)
        await self._compare_gone(links, appointments.keys())

    async def _compare_others(self, standing: dict[str, Any]) -> None:
        blocked = {row["id"].partition("/")[2] for row in await self.world.rows("booking_busy_blocks")}
        assert set(standing) == blocked, "every other event blocks its time, and nothing else does"
        if not self.practitioner:
            assert all(event.recurring for event in standing.values()), "every other event is an appointment"

    async def _compare_gone(self, links: dict[int, str], standing: Any) -> None:
        for row in await self.world.appointments("cancelled"):
            wanted = row["id"] in self.cancelled or row["reason"] == "Deleted in the calendar"
            assert wanted, "nothing is cancelled here that nobody wanted gone"
        restored = {event.id for event in self.calendar.standing}
        lost = set(self.ours) - set(standing) - self.cancelled
        assert all(links.get(id_) in (None, *self.deleted, *restored) for id_ in lost)
        gone = {id_ for id_, event in self.calendar.events.items() if event.status == "cancelled"}
        ours = {links.get(id_) for id_ in self.cancelled}
        assert gone <= self.deleted | ours, "nothing is deleted there that nobody wanted gone"
