"""Reading: pages, positions, what is forgotten and what is gone; in one-way everything only blocks time."""

from __future__ import annotations

import asyncio

import pytest

from rallypoint.domains.booking.api import BusyRequest, CursorExpired, Interval
from rallypoint.domains.booking.calendars import blocks, claims
from rallypoint.domains.booking.calendars.adapter import AHEAD
from rallypoint.domains.booking.calendars.claims import ClaimLost
from rallypoint.errors import NeedsReauth, RetryLater
from rallypoint.storage.ids import new_id
from support.memory_calendar import DEAD

HOUR = 3_600_000
DAY = 24 * HOUR


async def busy(world, start, end):
    who = world.owner
    request = BusyRequest(who.account_id, who.mode, who.user_id, start, end)
    return list(await world.engine.busy_source().busy(request))


async def test_events_block_their_time_for_whoever_connected_the_calendar(world, calendar):
    await world.connect()
    calendar.add(world.at(0), world.at(1))
    calendar.add(world.at(2), world.at(3), busy=False)
    calendar.add(world.at(-60), world.at(-59))
    calendar.add(world.at(4), world.at(4))
    await world.poll()
    assert await busy(world, world.at(0), world.at(24)) == [Interval(world.at(0), world.at(1))]
    assert await busy(world, world.at(1), world.at(24)) == []
    other = BusyRequest(world.owner.account_id, "live", new_id(), world.at(0), world.at(24))
    assert list(await world.engine.busy_source().busy(other)) == []
    assert await world.appointments() == []


async def test_changes_and_deletions_move_and_end_the_blocks(world, calendar):
    await world.connect()
    first, second = calendar.add(world.at(0), world.at(1)), calendar.add(world.at(2), world.at(3))
    await world.poll()
    calendar.change(first, start=world.at(5), end=world.at(6))
    calendar.remove(second)
    await world.poll()
    assert await world.blocks() == [(world.at(5), world.at(6))]
    calendar.change(first, busy=False)
    await world.poll()
    assert await world.blocks() == []


async def test_long_blocks_are_found_from_their_middle(world, calendar):
    await world.connect()
    calendar.add(world.at(0), world.at(0) + 30 * DAY, all_day=True)
    calendar.add(world.at(0), world.at(0) + 6 * DAY)
    await world.poll()
    day = world.at(0) + 20 * DAY
    assert await busy(world, day, day + DAY) == [Interval(world.at(0), world.at(0) + 30 * DAY)]
    assert len(await busy(world, world.at(0) + 5 * DAY, world.at(0) + 6 * DAY)) == 2


async def test_a_poll_without_news_asks_once_and_says_little(world, calendar, counted):
    await world.connect()
    calendar.add(world.at(0), world.at(1))
    await world.poll()
    connection, requests = await world.connection(), len(calendar.requests)
    with counted() as statements:
        await world.engine.poll(connection)
    assert len(calendar.requests) == requests + 1
    assert len(statements) <= 3, statements


async def test_a_look_that_breaks_off_goes_on_at_the_page_where_it_broke(world, calendar):
    await world.connect()
    for hour in range(10):
        calendar.add(world.at(hour), world.at(hour + 1))
    calendar.faults["changes"] = [None, None]
    calendar.fail("changes", RetryLater("cut off in the middle"))
    with pytest.raises(RetryLater):
        await world.poll()
    cursor = await world.cursor()
    assert (cursor["page"], cursor["cursor"], cursor["last_sync_at"]) == ("p-1.10.6", "", None)
    assert len(await world.blocks()) == 6
    asked = len(calendar.requests)
    await world.poll()
    assert len(calendar.requests) - asked == 2
    assert len(await world.blocks()) == 10
    cursor = await world.cursor()
    assert (cursor["page"], cursor["cursor"]) == ("", "c10")
    assert (await world.marks())["failed"] == 1


async def test_a_first_look_reads_the_next_page_while_it_writes_one(world, calendar, monkeypatch):
    await world.connect()
    add_pages(world, calendar, 3)
    assert await pages_asked_for(world, calendar, monkeypatch) == [2, 3, 3]
    add_pages(world, calendar, 3)
    assert await pages_asked_for(world, calendar, monkeypatch) == [1, 2, 3]


async def test_reading_ahead_ends_with_the_look(world, calendar, monkeypatch):
    async def refused(*_arguments):
        raise ClaimLost

    await world.connect()
    add_pages(world, calendar, 3)
    monkeypatch.setattr(blocks, "write", refused)
    await world.poll()
    assert AHEAD not in {task.get_name() for task in asyncio.all_tasks()}
    assert await world.blocks() == []


async def test_what_is_written_between_two_pages_is_known_on_the_next(world, calendar):
    await world.connect("two-way")
    await world.poll()
    for hour in range(1, 4):
        calendar.add(world.at(hour), world.at(hour + 1), busy=False)
    await world.book(0)
    calendar.fail("insert", lost=True)
    await world.push()
    ours = list(calendar.events)[-1]
    await world.hurry()
    await world.poll()
    assert [link["external_id"] for link in await world.links()] == [ours]
    assert (len(await world.appointments()), await world.blocks()) == (1, [])


def add_pages(world, calendar, pages):
    """Add events for whole pages."""
    known = len(calendar.events)
    for hour in range(known, known + pages * calendar.page_size):
        calendar.add(world.at(hour), world.at(hour + 1))


async def pages_asked_for(world, calendar, monkeypatch):
    """Look, and return how many pages had been asked for when each page was written."""
    asked, before, write = [], calendar.requests.count("changes"), blocks.write

    async def written(*arguments):
        for _ in range(50):  # steps of the loop, for whoever has something to do beside the write
            await asyncio.sleep(0)
        if arguments[-1]:
            asked.append(calendar.requests.count("changes") - before)
        await write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(blocks, "write", written)
        await world.poll()
    return asked


async def test_a_forgotten_cursor_has_everything_read_and_what_is_gone_removed(world, calendar):
    await world.connect()
    ids = [calendar.add(world.at(hour), world.at(hour + 1)) for hour in range(8)]
    await world.poll()
    for id_ in ids[:3]:
        calendar.remove(id_)
    calendar.forget_cursors()
    await world.poll()
    assert len(await world.blocks()) == 5
    assert (await world.cursor())["run"] == 2
    assert (await world.marks())["cursor"] == 3


async def test_a_page_that_is_forgotten_in_the_middle_begins_anew(world, calendar):
    await world.connect()
    for hour in range(10):
        calendar.add(world.at(hour), world.at(hour + 1))
    await world.poll()
    for hour in range(10, 20):
        calendar.add(world.at(hour), world.at(hour + 1))
    calendar.faults["changes"] = [None]
    calendar.fail("changes")
    with pytest.raises(RetryLater):
        await world.poll()
    calendar.forget_cursors()
    await world.poll()
    assert len(await world.blocks()) == 20


async def test_a_calendar_that_cannot_be_read_at_all_is_tried_later(world, calendar):
    await world.connect()
    calendar.fail("changes", CursorExpired(), times=2)
    with pytest.raises(RetryLater, match="beginning"):
        await world.poll()
    assert (await world.cursor())["claimed_until"] == 0


async def test_a_dead_credential_is_the_tasks_to_tell_and_lets_go(world, calendar):
    await world.connect()
    calendar.fail("changes", DEAD)
    with pytest.raises(NeedsReauth):
        await world.poll()
    assert (await world.cursor())["claimed_until"] == 0
    assert "failed" not in await world.marks()


async def test_one_at_a_time_and_who_comes_meanwhile_is_not_forgotten(world, calendar):
    connection = await world.connect()
    calendar.add(world.at(0), world.at(1))
    held = await claims.take(world.database, connection.id)
    await world.poll()
    await world.push()
    assert calendar.requests == []
    after = await claims.release(world.database, held)
    assert after.poll_at is not None
    await world.engine.run(connection.id)
    assert len(await world.blocks()) == 1
    assert (await world.cursor())["poll_at"] is None


async def test_a_holder_that_was_overtaken_writes_nothing(world, calendar):
    connection = await world.connect()
    calendar.add(world.at(0), world.at(1))
    slow = await claims.take(world.database, connection.id)
    await world.overtake()
    fast = await claims.take(world.database, connection.id)
    adapter = world.engine._adapters[connection.service]
    with pytest.raises(ClaimLost):
        await world.engine._worker._pull.run(adapter.of(connection), slow)
    assert await world.blocks() == []
    await world.engine._worker.poll(adapter.of(connection), slow)  # lost: others go on
    await world.engine._worker.poll(adapter.of(connection), fast)
    assert len(await world.blocks()) == 1


async def test_changes_here_are_written_during_a_long_look(world, calendar):
    await world.connect()
    await world.poll()
    for hour in range(10):
        calendar.add(world.at(hour), world.at(hour + 1))
    await world.book(30)
    await world.poll()
    assert calendar.requests[-5:-1].count("insert") == 1
    assert len(calendar.standing) == 11


async def test_what_is_over_is_pruned(world, calendar):
    await world.connect()
    calendar.add(world.at(0), world.at(1))
    calendar.add(world.at(0), world.at(0) + 9 * DAY)
    await world.poll()
    await blocks.prune(world.database)
    assert len(await world.blocks()) == 2
    async with world.database.transaction() as tx:
        back = 30 * DAY
        await tx.execute(
            "UPDATE booking_busy_blocks SET start_at = start_at - ?, end_at = end_at - ?", back, back
        )
    await blocks.prune(world.database)
    assert await world.blocks() == []


async def test_disconnecting_leaves_nothing(world, calendar):
    connection = await world.connect()
    await world.book()
    calendar.add(world.at(5), world.at(6))
    await world.sync()
    await world.connections.disconnect(world.owner, "memory_calendar")
    for table in ("links", "cursors", "channels"):
        assert await world.database.fetch(f"SELECT 1 FROM booking_calendar_{table}") == []
    assert await world.database.fetch("SELECT 1 FROM booking_busy_blocks") == []
    await world.engine.run(connection.id)
    assert (await world.appointments())[0]["status"] == "confirmed"
