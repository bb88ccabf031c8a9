"""Two-way: what happens to events happens to appointments, and the newer change wins where both sides changed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from rallypoint.errors import Conflict

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
async def connection(world):
    made = await world.connect("two-way")
    await world.sync()
    return made


async def one(world):
    (row,) = await world.appointments()
    return await world.booking.booker.get(**world.who(), appointment_id=row["id"])


def constant(value):
    return lambda: value


async def settle(world):
    for _ in range(4):
        await world.hurry()
        await world.sync()


async def test_an_event_becomes_an_appointment_that_follows_it(world, calendar, connection):
    practitioner = await world.practitioner()
    id_ = calendar.add(
        world.at(0),
        world.at(0.5),
        summary="Intro call",
        description="First time",
        attendees=("host@example.com", "bob@example.com"),
    )
    await world.sync()
    view = await one(world)
    assert (view.start, view.duration, view.practitioner_id) == (world.at(0), 30, practitioner)
    assert (view.customer_email, view.notes) == ("bob@example.com", "Intro call\n\nFirst time")
    calendar.change(id_, start=world.at(2), end=world.at(3), summary="Longer call")
    await world.sync()
    view = await one(world)
    assert (view.start, view.duration, view.notes) == (world.at(2), 60, "Longer call\n\nFirst time")
    calendar.remove(id_)
    await world.sync()
    (row,) = await world.appointments("cancelled")
    assert row["reason"] == "Deleted in the calendar"
    assert await world.events() == ["appointment.created", "appointment.updated", "appointment.cancelled"]
    assert calendar.writes == []


async def test_an_appointment_made_of_an_event_moves_and_removes_it(world, calendar, connection):
    id_ = calendar.add(world.at(0), world.at(1), summary="Intro call", description="Theirs")
    await world.sync()
    view = await one(world)
    await world.move(view, 3)
    await world.sync()
    (event,) = calendar.standing
    assert (event.id, event.start, event.summary, event.description) == (
        id_,
        world.at(3),
        "Intro call",
        "Theirs",
    )
    await world.sync()
    await world.cancel(view)
    await world.sync()
    await world.sync()
    assert calendar.standing == []
    assert calendar.writes == [("update", id_), ("delete", id_)]
    assert await world.events() == ["appointment.created", "appointment.updated", "appointment.cancelled"]


async def test_our_own_writes_are_no_news(world, calendar, connection):
    view = await world.book()
    await world.push()
    await world.sync()
    await world.move(view, 2)
    await world.push()
    await world.sync()
    calendar.forget_cursors()
    await world.sync()
    assert await world.events() == ["appointment.created", "appointment.updated"]
    assert [what for what, _ in calendar.writes] == ["insert", "update"]
    assert await world.blocks() == []


async def test_our_event_moved_there_moves_here(world, calendar, connection):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.change(event.id, start=world.at(5), end=world.at(6.5))
    await world.sync()
    await world.sync()
    view = await world.get(view)
    assert (view.start, view.duration) == (world.at(5), 90)
    assert [what for what, _ in calendar.writes] == ["insert"]


@pytest.mark.parametrize("newer", ["theirs", "ours"])
@pytest.mark.parametrize("first", ["poll", "push"])
async def test_of_two_moves_the_newer_stands_and_the_owner_is_told(world, calendar, connection, newer, first):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.now = constant(view.updated_at + (DAY if newer == "theirs" else 1))
    await world.later()
    view = await world.move(view, 3)
    calendar.change(event.id, start=world.at(6), end=world.at(7))
    await (world.poll() if first == "poll" else world.push())
    await settle(world)
    expected = world.at(6) if newer == "theirs" else world.at(3)
    assert (await world.get(view)).start == expected
    assert [event.start for event in calendar.standing] == [expected]
    assert len(await world.told("conflict")) == 1
    writes = len(calendar.writes)
    await settle(world)
    assert len(calendar.writes) == writes <= 2


@pytest.mark.parametrize("first", ["poll", "push"])
async def test_a_move_there_and_other_words_here_are_both_kept(world, calendar, connection, first):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.change(event.id, start=world.at(6), end=world.at(7))
    await world.later()
    await world.change(view, notes="Bring the form")
    await (world.poll() if first == "poll" else world.push())
    await settle(world)
    view = await world.get(view)
    assert (view.start, view.notes) == (world.at(6), "Bring the form")
    (event,) = calendar.standing
    assert (event.start, event.description.endswith("Bring the form")) == (world.at(6), True)
    assert await world.told("conflict") == []


@pytest.mark.parametrize("newer", ["theirs", "ours"])
@pytest.mark.parametrize("first", ["poll", "push"])
async def test_deleted_there_and_moved_here(world, calendar, connection, newer, first):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.now = constant(view.updated_at + (DAY if newer == "theirs" else 1))
    calendar.remove(event.id)
    await world.later()
    await world.move(view, 3)
    await (world.poll() if first == "poll" else world.push())
    await settle(world)
    if newer == "theirs":
        assert ((await world.get(view)).status, calendar.standing) == ("cancelled", [])
    else:
        assert [event.start for event in calendar.standing] == [world.at(3)]
        assert (await world.get(view)).status == "confirmed"
    assert len(await world.told("conflict")) == 1


async def test_cancelled_here_and_moved_there_is_cancelled(world, calendar, connection):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    await world.cancel(view)
    calendar.change(event.id, start=world.at(6), end=world.at(7))
    await settle(world)
    assert calendar.standing == []
    assert (await world.get(view)).status == "cancelled"
    assert len(await world.appointments()) == 0


async def test_an_event_that_overlaps_only_blocks_its_time_and_says_so(world, calendar, connection):
    practitioner = await world.practitioner()
    await world.book(0, practitioner_id=practitioner)
    await world.push()
    calendar.add(world.at(0.5), world.at(1.5))
    await world.sync()
    assert len(await world.appointments()) == 1
    assert await world.blocks() == [(world.at(0.5), world.at(1.5))]
    assert await world.told("skipped") == ["1 events only block their time: This time is taken"]
    with pytest.raises(Conflict):
        await world.book(0.5, practitioner_id=practitioner)


async def test_an_event_moved_onto_another_appointment_is_moved_back(world, calendar, connection):
    practitioner = await world.practitioner()
    await world.book(0, practitioner_id=practitioner)
    second = await world.book(3, practitioner_id=practitioner)
    await world.push()
    event = calendar.standing[1]
    calendar.change(event.id, start=world.at(0.5), end=world.at(1.5))
    await settle(world)
    assert [event.start for event in calendar.standing] == [world.at(0), world.at(3)]
    assert (await world.get(second)).start == world.at(3)
    assert (await world.told("conflict")) == ["an event is put back: This time is taken"]


@pytest.mark.parametrize(
    "kind",
    [
        {"recurring": True},
        {"all_day": True},
        {"organizer_self": False},
        {"end": 3 * DAY},
    ],
)
async def test_what_is_no_single_event_of_the_owners_only_blocks_time(world, calendar, connection, kind):
    more = dict(kind)
    end = world.at(0) + more.pop("end", HOUR)
    calendar.add(world.at(0), end, **more)
    await world.sync()
    assert await world.appointments() == []
    assert await world.blocks() == [(world.at(0), end)]


async def test_all_day_events_block_the_calendars_own_day(world, calendar, connection):
    zone = ZoneInfo("Asia/Kathmandu")
    start, end = (round(datetime(2027, 3, day, tzinfo=zone).timestamp() * 1000) for day in (28, 29))
    calendar.add(start, end, all_day=True, timezone="Asia/Kathmandu")
    await world.sync()
    assert await world.blocks() == [(start, end)]


async def test_our_event_made_an_all_day_one_is_put_back(world, calendar, connection):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.change(event.id, all_day=True, start=world.at(0), end=world.at(24))
    await settle(world)
    (event,) = calendar.standing
    assert (event.start, event.end, event.all_day) == (view.start, view.end, False)
    assert len(await world.told("conflict")) == 1


async def test_a_restored_event_of_a_cancelled_appointment_is_a_new_one(world, calendar, connection):
    view = await world.book()
    await world.push()
    (event,) = calendar.standing
    await world.cancel(view)
    await settle(world)
    calendar.change(event.id, status="confirmed")
    await settle(world)
    (row,) = await world.appointments()
    assert (row["id"] != view.id, row["start_at"]) == (True, view.start)
    calendar.remove(event.id)
    await settle(world)
    assert await world.appointments() == []


async def test_a_copy_of_our_event_is_an_event_of_its_own(world, calendar, connection):
    await world.book()
    await world.push()
    (event,) = calendar.standing
    calendar.add(world.at(4), world.at(5), appointment_key=event.appointment_key, summary=event.summary)
    await settle(world)
    assert [row["start_at"] for row in await world.appointments()] == [world.at(0), world.at(4)]
    assert len(calendar.standing) == 2


@pytest.mark.parametrize("step", ["cancel", "go on"])
async def test_an_event_made_before_the_process_died_is_found_again(world, calendar, connection, step):
    view = await world.book()
    original = calendar.insert

    async def insert(connection, event):
        made = await original(connection, event)
        await world.overtake()  # as by another process, when this one was killed or frozen here
        return made

    calendar.insert = insert
    world.adapt(calendar.provider())
    await world.push()
    assert len(calendar.standing) == 1
    assert [row["external_id"] for row in await world.links()] == [None]
    if step == "cancel":
        await world.cancel(view)
    await settle(world)
    assert len(calendar.standing) == len(await world.appointments()) == (0 if step == "cancel" else 1)


async def test_everything_read_anew_cancels_what_is_gone_and_asks_first(world, calendar, connection):
    kept, gone = await world.book(0), await world.book(2)
    calendar.add(world.at(5), world.at(6))
    await settle(world)
    calendar.remove(calendar.standing[1].id)
    calendar.forget_cursors()
    hidden = calendar.standing[0].id
    calendar.hidden.add(hidden)
    await settle(world)
    assert calendar.requests.count("get") == 2
    assert ((await world.get(kept)).status, (await world.get(gone)).status) == ("confirmed", "cancelled")
    assert len(await world.appointments()) == 2


async def test_switching_to_two_way_imports_what_only_blocked_time(world, calendar):
    await world.connect()
    calendar.add(world.at(0), world.at(1))
    calendar.add(world.at(2), world.at(3), recurring=True)
    await world.sync()
    assert len(await world.blocks()) == 2
    connection = await world.connection()
    await world.engine.set_mode(connection, "two-way")
    assert (await world.engine.settings(connection)).mode == "two-way"
    await world.engine.run(connection.id)
    assert len(await world.appointments()) == 1
    assert await world.blocks() == [(world.at(2), world.at(3))]
    await world.engine.set_mode(connection, "one-way")
    calendar.change(calendar.standing[0].id, start=world.at(8), end=world.at(9))
    await settle(world)
    assert [row["start_at"] for row in await world.appointments()] == [world.at(0)]
    assert (world.at(8), world.at(9)) in await world.blocks()


async def test_the_settings_tell_the_mode_and_the_last_finished_sync(world, calendar):
    connection = await world.connect()
    assert await world.engine.settings(connection) == type(await world.engine.settings(connection))(
        "one-way", None
    )
    await world.poll()
    assert (await world.engine.settings(connection)).last_sync_at is not None
    await world.engine.forget(connection.id)
    assert (await world.engine.settings(connection)).mode == "one-way"
    await world.engine.set_mode(connection, "two-way")
    assert (await world.engine.settings(connection)).mode == "two-way"


async def test_two_calendars_of_one_host_follow_each_other(world, calendar, second):
    other = await second.connect()
    await world.connect("two-way")
    await world.sync()
    await second.sync()
    id_ = calendar.add(world.at(0), world.at(1), summary="Call")
    await world.sync()
    await second.push()
    (copy,) = second.calendar.standing
    assert copy.start == world.at(0)
    calendar.change(id_, start=world.at(4), end=world.at(5))
    await world.sync()
    await second.push()
    assert [event.start for event in second.calendar.standing] == [world.at(4)]
    calendar.remove(id_)
    await world.sync()
    await second.push()
    assert second.calendar.standing == []
    assert calendar.writes == []
    assert other.service != (await world.connection()).service
