"""A server with a connected calendar in memory; what jobs would do is done by hand: nothing runs by itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from rallypoint.app import App
from rallypoint.connections.api import Connection, Owner
from rallypoint.domains.booking.api import AppointmentView, CalendarProvider, NewAppointment
from rallypoint.domains.booking.calendars.adapter import Adapter
from rallypoint.domains.booking.calendars.engine import Calendars
from rallypoint.domains.booking.domain import BookingDomain
from rallypoint.domains.booking.models import Practitioner
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.plugins.contributions import ApiKeyConnection
from rallypoint.storage import clock
from rallypoint.storage.database import Row
from rallypoint.storage.ids import new_id
from support.memory_calendar import SERVICE, MemoryCalendar
from support.statements import listen

HOUR = 3_600_000


async def identify(connection: Connection) -> str:
    return "host@example.com"


class World:
    """One user with a calendar, and the engine between it and the appointments."""

    def __init__(
        self, app: App, calendar: MemoryCalendar, service: str = SERVICE, owner: Owner | None = None
    ) -> None:
        self.service = service
        self.kernel = kernel = replace(app.house.kernel, jobs=EmbeddedJobs())
        (booking,) = [plugin for plugin in app.opening.plugins.loaded if plugin.name == "booking"]
        self.booking, self.database = booking.ctx.once(BookingDomain), app.house.database
        self.connections, self.calendar = app.house.connections, calendar
        self.owner = owner or Owner(new_id(), new_id(), "live")
        self.base = (clock.now() // HOUR + 48) * HOUR
        self.engine = Calendars(
            kernel,
            self.booking.booker,
            sign=lambda purpose, text: f"{purpose} {text}",
            public_url="https://rally.example.com",
        )

    async def open(self, **provider: Any) -> None:
        """Declare the service, and stand ready."""
        declared = ApiKeyConnection(self.service, "Memory", "http://127.0.0.1:9", lambda key: {}, identify)
        self.connections.declare("booking", declared)
        await self.engine.start()
        self.adapt(replace(self.calendar.provider(**provider), service=self.service))

    async def open_again(self) -> None:
        """Stand ready for another user with another calendar."""
        self.adapt(replace(self.calendar.provider(), service=self.service))

    def adapt(self, provider: CalendarProvider) -> None:
        """Have the engine call this adapter."""
        self.engine._adapters[self.service] = Adapter("booking", provider, self.kernel.hooks)

    async def practitioner(self, user_id: str | None = None) -> int:
        """Make the host, or another user, a practitioner."""
        at = clock.now()
        columns = {
            "account_id": self.owner.account_id,
            "mode": "live",
            "user_id": user_id or self.owner.user_id,
            "name": "Dr Who",
            "timezone": "Europe/London",
            "created_at": at,
            "updated_at": at,
        }
        return (await Practitioner.create(**columns)).id

    async def connect(self, mode: str = "one-way", owner: Owner | None = None) -> Connection:
        """Connect the calendar, and choose how it is synced."""
        owner = owner or self.owner
        row, _ = await self.connections.connect(owner, self.service, "key")
        connection = await self.connections.get(row["id"])
        assert connection is not None
        if mode == "two-way":
            await self.engine.set_mode(connection, "two-way")
        return connection

    async def connection(self) -> Connection:
        """Return the owner's connection as it is now."""
        found = await self.connections.find(
            self.owner.account_id, self.owner.user_id, self.owner.mode, self.service
        )
        assert found is not None
        return found

    async def book(self, hours: float = 0, **more: Any) -> AppointmentView:
        """Book an appointment some hours after the base."""
        new = NewAppointment(self.at(hours), **{"duration": 60, "customer_name": "Ann", **more})
        return await self.booking.booker.create(**self.who(), user_id=self.owner.user_id, new=new)

    async def move(self, view: AppointmentView, hours: float, **more: Any) -> AppointmentView:
        return await self.booking.booker.reschedule(
            **self.who(), appointment_id=view.id, start=self.at(hours), **more
        )

    async def change(self, view: AppointmentView, **changes: Any) -> AppointmentView:
        return await self.booking.booker.reschedule(**self.who(), appointment_id=view.id, changes=changes)

    async def cancel(self, view: AppointmentView) -> AppointmentView:
        return await self.booking.booker.cancel(**self.who(), appointment_id=view.id, reason="ill")

    async def get(self, view: AppointmentView) -> AppointmentView:
        return await self.booking.booker.get(**self.who(), appointment_id=view.id)

    def who(self) -> dict[str, Any]:
        return {"account_id": self.owner.account_id, "mode": self.owner.mode}

    def at(self, hours: float) -> int:
        return self.base + round(hours * HOUR)

    async def poll(self) -> None:
        """Do what the plugin's task does."""
        await self.engine.poll(await self.connection())

    async def push(self) -> None:
        """Do what a job does."""
        await self.engine.push_due((await self.connection()).id)

    async def sync(self) -> None:
        """Read, then write."""
        await self.poll()
        await self.push()

    async def later(self) -> None:
        """Let the clock move on, so that what happens next is newer."""
        await asyncio.sleep(0.005)

    async def overtake(self) -> None:
        """Let whoever is at the calendar have lost it."""
        async with self.database.transaction() as tx:
            await tx.execute("UPDATE booking_calendar_cursors SET claimed_until = 0, fence = fence + 1")

    async def hurry(self) -> None:
        """Let what waits for another try be due."""
        async with self.database.transaction() as tx:
            await tx.execute("UPDATE booking_calendar_links SET next_at = 1 WHERE next_at IS NOT NULL")
            await tx.execute("UPDATE booking_calendar_cursors SET poll_at = 1 WHERE poll_at IS NOT NULL")

    async def appointments(self, status: str = "confirmed") -> list[Row]:
        return await self.database.fetch(
            "SELECT * FROM appointments WHERE account_id = ? AND status = ? ORDER BY start_at, id",
            self.owner.account_id,
            status,
        )

    async def rows(self, table: str) -> list[Row]:
        return await self.database.fetch(
            f"SELECT * FROM {table} WHERE connection_id IN (SELECT id FROM connections WHERE account_id = ?)"
            " ORDER BY 1",
            self.owner.account_id,
        )

    async def links(self) -> list[Row]:
        return await self.rows("booking_calendar_links")

    async def blocks(self) -> list[tuple[int, int]]:
        return sorted((row["start_at"], row["end_at"]) for row in await self.rows("booking_busy_blocks"))

    async def cursor(self) -> Row:
        (row,) = await self.rows("booking_calendar_cursors")
        return row

    async def told(self, kind: str) -> list[str]:
        """Return what the timeline's log says of a kind, oldest first."""
        timeline = await self.connections.timeline((await self.connection()).id)
        return [entry.detail for entry in reversed(timeline.log) if entry.kind == kind]

    async def marks(self) -> dict[str, int]:
        """Return how often each kind of thing happened."""
        timeline = await self.connections.timeline((await self.connection()).id)
        return {mark.kind: mark.count for mark in timeline.marks}

    async def events(self) -> list[str]:
        rows = await self.database.fetch(
            "SELECT type FROM events WHERE account_id = ? AND type LIKE 'appointment.%' ORDER BY id",
            self.owner.account_id,
        )
        return [row["type"] for row in rows]


@pytest_asyncio.fixture
async def calendar() -> MemoryCalendar:
    return MemoryCalendar()


@pytest_asyncio.fixture
async def world(app: App, calendar: MemoryCalendar) -> AsyncIterator[World]:
    random.seed(1)
    made = World(app, calendar)
    await made.open()
    yield made


@pytest_asyncio.fixture
async def second(app: App, world: World) -> World:
    """Another calendar of the same host."""
    made = World(app, MemoryCalendar(), "second_calendar", world.owner)
    await made.open()
    return made


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes blocks whose statements are counted."""
    return listen(monkeypatch)
