"""Presence over several processes: complete, and right again after whatever happens."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis.asyncio import Redis

from rallypoint.redis import link, presence, sockets

from .conftest import NewProcess, until


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Life at another pace: dead after a second or so."""
    monkeypatch.setattr(link, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(link, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(link, "ALIVE_SECONDS", 1)
    monkeypatch.setattr(presence, "SUSPECT_SECONDS", 0.5)


async def test_everybody_sees_everybody(new_process: NewProcess) -> None:
    one, two = await new_process(), await new_process()
    await one.enter("alice")
    bob = await two.enter("bob")
    (state,) = bob.events("presence_state")
    assert set(state) == {"user:alice", "user:bob"}
    await until(lambda: one.present() == {"user:alice", "user:bob"})
    assert one.hub.presence("room:1") == two.hub.presence("room:1")
    member = bob.members["room:1"]
    two.hub.track(member, "user:bob", {"user_id": "bob", "mood": "focused"})
    await until(lambda: one.hub.presence("room:1") == two.hub.presence("room:1"))
    assert one.hub.presence("room:1")["user:bob"]["metas"][0]["mood"] == "focused"
    two.hub.disconnect(bob)
    await until(lambda: one.present() == {"user:alice"})
    assert two.present() == set()  # nobody there: not kept


@pytest.mark.usefixtures("hasty")
async def test_a_dead_process_is_forgotten_once_and_swept_out(
    new_process: NewProcess, redis: Redis, prefix: str
) -> None:
    one, two = await new_process(), await new_process()
    alice = await one.enter("alice")
    await two.enter("bob")
    await until(lambda: len(one.present()) == 2)
    await two.vanish()
    await until(lambda: one.present() == {"user:alice"})
    leaves = [diff["leaves"] for diff in alice.events("presence_diff") if diff["leaves"]]
    assert [set(each) for each in leaves] == [{"user:bob"}]
    await asyncio.sleep(0.3)
    assert await redis.hlen(f"{prefix}:presence:room:1") == 1


@pytest.mark.usefixtures("hasty")
async def test_newcomers_do_not_see_who_died_while_nobody_looked(new_process: NewProcess) -> None:
    two = await new_process()
    await two.enter("bob")
    await asyncio.sleep(0.2)
    await two.vanish()
    await asyncio.sleep(1.2)
    one = await new_process()
    alice = await one.enter("alice")
    assert set(alice.events("presence_state")[0]) == {"user:alice"}


@pytest.mark.usefixtures("hasty")
async def test_a_redis_that_forgot_everything_is_told_again(
    new_process: NewProcess, redis: Redis, prefix: str
) -> None:
    one, two = await new_process(), await new_process()
    alice, _bob = await one.enter("alice"), await two.enter("bob")
    await until(lambda: len(one.present()) == 2)
    async for key in redis.scan_iter(f"{prefix}:*"):
        await redis.delete(key)
    await asyncio.sleep(1.5)
    assert await redis.hlen(f"{prefix}:presence:room:1") == 2
    assert not any(diff["leaves"] for diff in alice.events("presence_diff"))
    assert await redis.scard(f"{prefix}:sockets:alice") == 1


@pytest.mark.usefixtures("hasty")
async def test_who_left_unheard_is_gone_afterwards(
    new_process: NewProcess, redis: Redis, prefix: str
) -> None:
    one, two = await new_process(), await new_process()
    await one.enter("alice")
    bob, carol = await two.enter("bob"), await two.enter("carol")
    await until(lambda: len(one.present()) == 3)
    two.link.failed(OSError("unplugged"))
    two.hub.disconnect(bob)
    two.hub.disconnect(await two.enter("dave"))  # came and went unheard
    assert one.present() == {"user:alice", "user:bob", "user:carol"}
    await until(lambda: one.present() == {"user:alice", "user:carol"})
    for ref in await redis.hkeys(f"{prefix}:presence:room:1"):
        await redis.hdel(f"{prefix}:presence:room:1", ref)  # as if carol's leave had been lost on its way
    one.link.failed(OSError("unplugged"))
    await until(lambda: one.present() == {"user:alice"})
    assert carol.members


async def test_what_stays_long_is_kept_from_expiring(
    new_process: NewProcess, redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await new_process()
    await one.enter("alice")
    names = f"{prefix}:presence:room:1", f"{prefix}:sockets:alice"
    await asyncio.sleep(0.1)
    for name in names:
        await redis.expire(name, 5)
    monkeypatch.setattr(presence, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(sockets, "REFRESH_SECONDS", 0.0)
    deadline = time.monotonic() + 5
    while min([await redis.ttl(name) for name in names]) < 1000:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
