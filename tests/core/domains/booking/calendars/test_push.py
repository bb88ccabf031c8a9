"""What is due is written once, whatever goes wrong on the way, and nothing is lost."""

from __future__ import annotations

import pytest

from rallypoint.connections.api import Owner
from rallypoint.domains.booking.calendars.adapter import AdapterFailed
from rallypoint.errors import RetryLater
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id
from support.memory_calendar import DEAD, REFUSED


@pytest.fixture
async def connection(world):
    made = await world.connect()
    await world.sync()
    return made


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("step", ["insert", "update", "delete"])
async def test_a_lost_call_or_reply_changes_nothing(world, calendar, connection, step, lost):
    view = await world.book()
    if step == "insert":
        calendar.fail("insert", lost=lost)
    await world.push()
    await world.hurry()
    await world.push()
    view = await world.move(view, 2)
    if step == "update":
        calendar.fail("update", lost=lost)
    await world.push()
    await world.hurry()
    await world.push()
    (event,) = calendar.standing
    assert (event.start, event.end) == (view.start, view.end)
    await world.cancel(view)
    if step == "delete":
        calendar.fail("delete", lost=lost)
    await world.push()
    await world.hurry()
    await world.push()
    assert calendar.standing == []
    assert [what for what, _ in calendar.writes] == ["insert", "update", "delete"]
    assert [row["next_at"] for row in await world.links()] == [None]


async def test_an_appointment_that_moves_while_its_event_is_being_made(world, calendar, connection):
    view = await world.book()
    calendar.fail("insert", lost=True)
    await world.push()
    view = await world.move(view, 5)
    await world.hurry()
    await world.push()
    (event,) = calendar.standing
    assert event.start == view.start
    assert len(calendar.writes) == 2


async def test_a_change_during_the_write_is_written_next(world, calendar, connection):
    view = await world.book()
    moved = []
    original = calendar.insert

    async def insert(connection, event):
        made = await original(connection, event)
        moved.append(await world.move(view, 5))
        return made

    calendar.insert = insert
    world.adapt(calendar.provider())
    await world.push()
    (event,) = calendar.standing
    assert event.start == moved[0].start
    assert [row["next_at"] for row in await world.links()] == [None]


async def test_a_provider_that_is_away_is_left_alone_and_asked_again(world, calendar, connection):
    for hour in range(3):
        await world.book(hour)
    calendar.fail("insert", RetryLater("slow down", after=30), times=1)
    before = len(calendar.requests)
    await world.push()
    assert len(calendar.requests) == before + 1
    waits = [row["next_at"] - clock.now() for row in await world.links()]
    assert all(29_000 < wait <= 30_000 for wait in waits)
    assert "writing waits: slow down" in (await world.told("failed"))[-1]
    await world.push()
    assert len(calendar.requests) == before + 1
    await world.hurry()
    await world.push()
    assert len(calendar.standing) == 3
    assert (await world.marks())["pushed"] == 1


async def test_one_event_that_is_refused_holds_up_no_other(world, calendar, connection):
    for hour in range(3):
        await world.book(hour)
    calendar.fail("insert", REFUSED)
    await world.push()
    assert len(calendar.standing) == 2
    assert [row["failures"] for row in await world.links() if row["next_at"]] == [1]
    for _ in range(14):
        calendar.fail("insert", REFUSED)
        await world.hurry()
        await world.push()
    (given_up,) = [row for row in await world.links() if row["wanted_seq"] > row["pushed_seq"]]
    assert (given_up["next_at"], given_up["error"]) == (None, "refused")
    who = {**world.who(), "appointment_id": given_up["appointment_id"]}
    await world.booking.booker.reschedule(**who, changes={"notes": "Changed"})
    await world.push()
    assert len(calendar.standing) == 3


async def test_a_bug_of_the_adapter_holds_up_no_other_event(world, calendar, connection):
    await world.book(0)
    await world.book(1)
    calendar.fail("insert", ZeroDivisionError("bug"))
    await world.push()
    assert len(calendar.standing) == 1
    assert "ZeroDivisionError" in (await world.told("failed"))[-1]
    assert issubclass(AdapterFailed, RetryLater)


async def test_a_dead_credential_parks_the_work_and_connecting_anew_wakes_it(world, calendar, connection):
    kept, gone = await world.book(0), await world.book(1)
    await world.push()
    calendar.fail("update", DEAD)
    await world.move(kept, 4)
    await world.push()
    assert (await world.connection()).state == "needs_reauth"
    assert [row["next_at"] for row in await world.links()] == [None, None]
    requests = len(calendar.requests)
    await world.cancel(gone)
    missed = await world.book(6)
    await world.engine.sweep("memory_calendar")
    await world.push()
    assert len(calendar.requests) == requests
    assert await world.database.fetch("SELECT 1 FROM booking_calendar_links WHERE next_at IS NOT NULL") == []
    await world.connect()
    await world.push()
    assert [event.start for event in calendar.standing] == [world.at(4), missed.start]
    assert (await world.connection()).state == "connected"


async def test_a_deleted_event_is_made_anew(world, calendar, connection):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.remove(event.id)
    await world.poll()
    view = await world.move(view, 2)
    await world.push()
    (anew,) = calendar.standing
    assert (anew.start, anew.id != event.id) == (view.start, True)


async def test_what_was_changed_there_is_changed_back_with_the_next_change_here(world, calendar, connection):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.change(event.id, start=world.at(7), end=world.at(8))
    await world.poll()
    assert await world.blocks() == [(world.at(7), world.at(8))]
    assert (await world.get(view)).start == view.start
    view = await world.change(view, notes="Bring the form")
    await world.push()
    (event,) = calendar.standing
    assert (event.start, event.description.endswith("Bring the form")) == (view.start, True)
    assert await world.blocks() == []


async def test_a_completed_appointment_keeps_its_event(world, calendar, connection):
    view = await world.book()
    await world.push()
    await world.booking.booker.complete(**world.who(), appointment_id=view.id)
    await world.push()
    assert len(calendar.standing) == 1
    assert [what for what, _ in calendar.writes] == ["insert"]
    assert [row["next_at"] for row in await world.links()] == [None]


async def test_an_appointment_cancelled_before_it_was_written_is_never_written(world, calendar, connection):
    await world.cancel(await world.book())
    await world.push()
    assert calendar.writes == []


async def test_only_the_hosts_live_calendars_are_written_to(world, calendar, connection):
    other = Owner(world.owner.account_id, new_id(), "live")
    await world.connect(owner=other)
    await world.connect(owner=Owner(world.owner.account_id, new_id(), "sandbox"))
    await world.book()
    assert [row["connection_id"] for row in await world.links()] == [connection.id]


async def test_the_host_may_change_with_the_practitioners_user(world, calendar, connection):
    practitioner = await world.practitioner()
    await world.book(practitioner_id=practitioner)
    await world.push()
    assert len(calendar.standing) == 1
    view = (await world.appointments())[0]
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE practitioners SET user_id = ? WHERE id = ?", new_id(), practitioner)
    await world.booking.booker.reschedule(**world.who(), appointment_id=view["id"], start=world.at(2))
    await world.push()
    assert calendar.standing == []
    assert await world.links() == []


async def test_a_new_connection_is_given_what_is_booked_already(world, calendar):
    view = await world.book()
    await world.connect()
    await world.push()  # a first look comes before anything is written
    assert calendar.requests == ["changes"]
    await world.push()
    assert [event.start for event in calendar.standing] == [view.start]


async def test_connecting_again_finds_the_events_of_the_time_before(world, calendar, connection):
    view = await world.book()
    await world.push()
    await world.connections.disconnect(world.owner, "memory_calendar")
    assert len(calendar.standing) == 1
    await world.connect()
    await world.sync()
    view = await world.move(view, 3)
    await world.push()
    (event,) = calendar.standing
    assert event.start == view.start
    assert [what for what, _ in calendar.writes].count("insert") == 1
    assert await world.blocks() == []


async def test_connecting_another_account_writes_everything_there(world, calendar, connection):
    await world.book()
    await world.push()
    calendar.empty()
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE booking_calendar_cursors SET external_account = 'the old one'")
    await world.connect()
    await world.sync()
    await world.push()
    assert len(calendar.standing) == 1
    assert [what for what, _ in calendar.writes] == ["insert"]
    assert (await world.cursor())["external_account"] == ""
