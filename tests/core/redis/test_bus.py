"""Hubs of several processes, joined by a real Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from rallypoint.realtime.channel import Message
from rallypoint.redis import publisher, subscriber
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.ids import new_id

from .conftest import NewProcess, until


async def test_what_one_publishes_every_other_hears_once(new_process: NewProcess) -> None:
    one, two = await new_process(), await new_process()
    near, far = await one.enter("alice"), await two.enter("bob")
    for number in range(300):
        one.hub.publish(Message("room:1", "said", {"number": number}))
    photo = {"type": "broadcast", "event": "photo", "payload": b"\xff"}
    one.hub.publish(Message("room:1", "broken", {"set": {1}}))  # neither JSON nor a photo: its own affair
    one.hub.publish(Message("room:1", "said", {"number": 300}, skip=far.id))
    one.hub.publish(Message("room:1", "photo", photo))
    one.hub.publish(Message("room:1", "said", {"number": 301}))
    await until(lambda: {"number": 301} in far.events("said"))
    assert far.events("said") == [{"number": number} for number in [*range(300), 301]]
    assert near.events("said") == [{"number": number} for number in range(302)]


async def test_a_process_follows_only_topics_that_somebody_there_is_on(
    new_process: NewProcess, redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "LINGER_SECONDS", 0.05)
    one = await new_process()

    async def followed() -> set[str]:
        names = await redis.pubsub_channels(f"{prefix}:*")
        return {name.decode().removeprefix(f"{prefix}:") for name in names}

    assert await followed() == {"control"}
    ear = await one.enter("alice")
    await one.enter("bob")
    assert await followed() == {"control", "topic:room:1"}
    one.hub.disconnect(ear)
    assert await followed() == {"control", "topic:room:1"}
    one.hub.close_all()
    async with asyncio.timeout(5):
        while await followed() != {"control"}:
            await asyncio.sleep(0.01)
    again = await one.enter("alice")
    one.hub.leave(again, "room:1")
    back = await one.enter("alice")  # before it was let go
    (await new_process()).hub.publish(Message("room:1", "said", {}))
    await until(lambda: back.events("said"))


async def test_a_topic_left_just_before_the_end_does_not_hold_it_up(
    new_process: NewProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "LINGER_SECONDS", 0.05)
    one = await new_process()
    one.hub.disconnect(await one.enter("alice"))
    await one.sharing.bus._subscriber.close()  # while Redis still counts as usable, as the bus closes it
    await asyncio.sleep(0.2)
    assert one.sharing.bus._subscriber._writer is None


async def test_a_lost_connection_is_noticed_and_what_was_missed_is_read(
    new_process: NewProcess, redis: Redis, database: Database
) -> None:
    one, two = await new_process(), await new_process()
    ear = await two.enter("bob")
    await until(lambda: two.sharing.bus._subscriber.sure)
    pubsub = two.sharing.bus._subscriber._pubsub
    assert pubsub is not None
    await redis.client_kill_filter(_id=await _id_of(redis, pubsub))
    await until(lambda: not two.sharing.up)
    await _store(database, "missed", 1)
    await until(lambda: two.sharing.up)
    await until(lambda: ear.events("missed"))
    one.hub.publish(Message("room:1", "said", {}))
    await until(lambda: ear.events("said"))
    assert len(ear.events("missed")) == 1


async def test_a_silent_connection_is_noticed(
    new_process: NewProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "SILENCE_MS", 100)
    one = await new_process()
    one.sharing.bus._subscriber._hear = lambda _message: None  # type: ignore[method-assign]
    old = one.sharing.bus._subscriber._pubsub
    await until(lambda: not one.sharing.up)
    del one.sharing.bus._subscriber._hear
    await until(lambda: one.sharing.up)
    assert one.sharing.bus._subscriber._pubsub is not old


async def test_what_an_overfull_outbox_dropped_is_read_by_the_others(
    new_process: NewProcess, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await new_process(), await new_process()
    ear = await two.enter("bob")
    await _store(database, "dropped", 1)
    monkeypatch.setattr(publisher, "MAX_BYTES", 1000)
    for _ in range(3):
        one.hub.publish(Message("room:1", "long", {"text": "x" * 600}))
    await until(lambda: ear.events("dropped"))
    assert len(ear.events("long")) == 1


async def test_rubbish_on_a_channel_harms_nobody(new_process: NewProcess, redis: Redis, prefix: str) -> None:
    one, two = await new_process(), await new_process()
    ear = await two.enter("bob")
    for channel in ("control", "topic:room:1"):
        for body in (b"", b"short", b"twelve bytes\x00\x00\x00\x05mrubb", b"twelve bytes\xff\xff\xff\xff"):
            await redis.publish(f"{prefix}:{channel}", body)
    one.hub.publish(Message("room:1", "said", {}))
    await until(lambda: ear.events("said"))
    assert two.sharing.up


async def test_revocations_reach_every_other_process(new_process: NewProcess) -> None:
    one, two = await new_process(), await new_process()
    heard: list[Any] = []
    two.sharing.bus.on_revoked(heard.extend)
    one.sharing.bus.on_revoked(lambda ids: pytest.fail("the sender knows already"))
    one.sharing.bus.tell_revoked(("one", "two"))
    await until(lambda: heard == ["one", "two"])


async def _id_of(redis: Redis, pubsub: Any) -> str:
    """Return Redis's id of a subscriber's connection."""
    port = pubsub.connection._writer.get_extra_info("sockname")[1]
    clients: Any = await redis.client_list()
    return next(str(one["id"]) for one in clients if one["addr"].endswith(f":{port}"))


async def _store(database: Database, type_: str, seq: int) -> None:
    """Write an event that nobody pushes."""
    async with database.transaction() as tx:
        await tx.execute(
            "INSERT INTO events (id, type, account_id, mode, subject, seq, topics, body, changes, at)"
            " VALUES (?, ?, 'acme', 'live', 'room:1', ?, '[\"room:1\"]', ?, '[]', ?)",
            new_id(),
            type_,
            seq,
            b"{}",
            clock.now(),
        )
