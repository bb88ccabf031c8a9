"""Writing, pushing, replaying."""

from __future__ import annotations

import orjson
import pytest

from rallypoint.events.outbox import LOST_AFTER
from rallypoint.events.types import EventType
from rallypoint.realtime.channel import RowChange
from rallypoint.storage.database import Database
from support.delivery_house import House, eventually

CHANGE = {"table": "things", "kind": "INSERT", "record": {"id": "1"}}


async def test_what_is_rolled_back_was_never_pushed(house: House) -> None:
    with pytest.raises(RuntimeError):
        async with house.database.transaction() as tx:
            await house.outbox.add(tx, house.draft("room:1"))
            raise RuntimeError
    assert house.hub.messages == []
    assert await house.database.fetch("SELECT * FROM events") == []


async def test_a_push_carries_everything_a_transport_needs(house: House) -> None:
    event = await house.happen("room:1", {"a": 1}, topics=("room:1", "user:2"), changes=(CHANGE,))
    assert [message.topic for message in house.hub.messages] == ["room:1", "user:2"]
    message = house.hub.messages[0]
    assert (message.id, message.at, message.payload, message.raw) == (
        event.id,
        event.at,
        {"a": 1},
        b'{"a":1}',
    )
    assert message.changes == (RowChange("things", "INSERT", {"id": "1"}),)


async def test_pushed_events_are_marked(house: House) -> None:
    await house.happen("room:1")

    async def marked() -> bool:
        return not await house.database.fetch("SELECT 1 FROM events WHERE push_at > 0")

    await eventually(marked)


async def test_what_a_killed_process_left_unpushed_is_pushed(database: Database) -> None:
    house = House(database)
    event = await house.happen("room:1", {"a": 1}, changes=(CHANGE,))
    [live] = house.hub.messages
    house.hub.messages.clear()
    async with house.database.transaction() as tx:
        await tx.execute("UPDATE events SET push_at = ?", event.at - LOST_AFTER - 1)
    await house.outbox.push_unpushed()
    assert house.hub.messages == [live]


async def test_more_than_a_batch_is_pushed_once_each(database: Database) -> None:
    dead, alive = House(database), House(database)
    async with database.transaction() as tx:
        events = [await dead.outbox.add(tx, dead.draft("room:1")) for _ in range(450)]
    async with database.transaction() as tx:
        await tx.execute("UPDATE events SET push_at = 1")
    await alive.jobs.start()
    await eventually(lambda: len(alive.hub.messages) >= 450)
    assert [message.id for message in alive.hub.messages] == [event.id for event in events]
    await alive.stop()


async def test_since_replays_what_was_missed_in_order(house: House) -> None:
    events = [await house.happen("room:1") for _ in range(4)]
    await house.happen("room:2")
    replay = await house.outbox.since("room:1", events[1].id)
    assert [message.id for message in replay.messages] == [events[2].id, events[3].id]
    assert orjson.loads(replay.messages[0].raw or b"") == {"n": 3}
    assert not replay.resync
    assert (await house.outbox.since("room:1", events[3].id)).messages == []


async def test_since_leaves_out_what_was_not_for_the_topic(house: House) -> None:
    first = await house.happen("room:1")
    await house.happen("room:1", topics=("user:1",))
    assert (await house.outbox.since("room:1", first.id)).messages == []


async def test_since_asks_to_resync_when_it_cannot_know(house: House) -> None:
    event = await house.happen("room:1", topics=("room:1", "user:1"))
    assert (await house.outbox.since("room:1", "unknown")).resync
    assert (await house.outbox.since("room:2", event.id)).resync
    assert (await house.outbox.since("user:1", event.id)).resync


async def test_since_is_bounded(house: House) -> None:
    first = await house.happen("room:1")
    async with house.database.transaction() as tx:
        for _ in range(1001):
            await house.outbox.add(tx, house.draft("room:1"))
    assert (await house.outbox.since("room:1", first.id)).resync


async def test_only_declared_events_can_be_added(house: House) -> None:
    with pytest.raises(LookupError):
        await house.happen("room:1", type="never.declared")
    with pytest.raises(ValueError, match="declared already"):
        house.outbox.declare([EventType("thing.happened", "Again")])


async def test_a_number_cannot_be_used_twice_on_a_subject(house: House) -> None:
    draft = house.draft("room:1")
    async with house.database.transaction() as tx:
        await house.outbox.add(tx, draft)
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        async with house.database.transaction() as tx:
            await house.outbox.add(tx, draft)
