"""Limits that all processes count together, and each by itself while Redis is away."""

from __future__ import annotations

import time

import pytest
from redis.asyncio import Redis

from rallypoint.realtime.roster import TooManyConnections
from rallypoint.web.limits import Limiter

from .conftest import Ear, NewProcess, until


async def test_hits_are_counted_together(new_process: NewProcess) -> None:
    limiters = [Limiter((await new_process()).sharing.windows) for _ in range(2)]
    for limiter in limiters:
        limiter.define("two", "2/minute")
    verdicts = [await limiters[number % 2].hit("two", "me") for number in range(3)]
    assert [(one.remaining, one.allowed) for one in verdicts if one] == [(1, True), (0, True), (0, False)]
    assert all(one is not None and 58 < one.end - time.time() <= 61 for one in verdicts)


async def test_each_counts_for_itself_while_redis_is_away(new_process: NewProcess) -> None:
    process = await new_process()
    windows = process.sharing.windows
    assert await windows.incr("key", 60) == 1
    process.link.failed(OSError("unplugged"))
    assert [await windows.incr("key", 60), await windows.get("key")] == [1, 1]
    assert await windows.get_expiry("key") > time.time() + 50
    await until(lambda: process.sharing.up)
    assert [await windows.incr("key", 60), await windows.get("key")] == [2, 2]
    await windows.clear("key")
    assert await windows.get("key") == 0
    assert await windows.reset() == 0
    assert await windows.check()


@pytest.mark.parametrize("ask", ["incr", "get", "get_expiry"])
async def test_a_failure_is_noticed_by_whoever_meets_it_first(
    new_process: NewProcess, redis: Redis, ask: str
) -> None:
    process = await new_process()
    windows = process.sharing.windows
    windows._client.connection_pool.connection_kwargs["port"] = 1  # nobody listens there
    assert await getattr(windows, ask)(*(("key", 60) if ask == "incr" else ("key",))) is not None
    assert not process.sharing.up


async def test_a_users_sockets_are_counted_together(new_process: NewProcess) -> None:
    one, two = await new_process(limit_sockets_per_user=3), await new_process(limit_sockets_per_user=3)
    first = await one.enter("alice")
    await one.enter("alice")
    await two.enter("alice")
    await two.enter("bob")
    for process in (one, two):
        with pytest.raises(TooManyConnections):
            await process.hub.connect(Ear("alice"))
        assert process.hub.connections == 2
    one.hub.disconnect(first)
    await until(lambda: not one.sharing.bus._sockets._closed and not one.sharing.bus._sockets._writer)
    await two.enter("alice")


async def test_sockets_of_a_dead_process_do_not_count(
    new_process: NewProcess, redis: Redis, prefix: str
) -> None:
    one, two = await new_process(limit_sockets_per_user=1), await new_process(limit_sockets_per_user=1)
    await two.enter("alice")
    await two.vanish()
    await redis.delete(f"{prefix}:alive:{two.link.process}")
    await one.enter("alice")
    assert await redis.scard(f"{prefix}:sockets:alice") == 1


async def test_a_socket_that_closes_unheard_counts_until_redis_is_back(
    new_process: NewProcess, redis: Redis, prefix: str
) -> None:
    process = await new_process(limit_sockets_per_user=2)
    ear = await process.enter("alice")
    process.link.failed(OSError("unplugged"))
    process.hub.disconnect(ear)
    await process.enter("alice")  # counted here alone
    assert await redis.scard(f"{prefix}:sockets:alice") == 1
    await until(lambda: process.sharing.up)
    await until(lambda: not process.sharing.bus._sockets._closed and not process.sharing.bus._sockets._writer)
    assert await redis.scard(f"{prefix}:sockets:alice") == 1
    with pytest.raises(TooManyConnections):
        for _ in range(2):
            await process.hub.connect(Ear("alice"))
