"""Redis joins two server processes; without it each serves on alone, and nothing durable is missed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from support.cluster import Cluster
from support.listener import Listener

pytestmark = pytest.mark.slow


def names(listener: Listener) -> list[str]:
    return [event["data"]["room"]["name"] for event in listener.events("room.updated")]


@asynccontextmanager
async def pair(cluster: Cluster, token: str, room: str) -> AsyncIterator[tuple[Listener, Listener]]:
    """A socket of one user on each of the two processes."""
    one, two = cluster.servers
    async with (
        Listener(one.url, token, f"room:{room}") as first,
        Listener(two.url, token, f"room:{room}") as second,
    ):
        yield first, second


async def ready(cluster: Cluster, index: int) -> tuple[int, str]:
    status, reply = await asyncio.to_thread(cluster.servers[index].request, "GET", "/ready")
    return status, reply["checks"]["redis"]


async def until(true: Callable[[], Any], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.1)


async def both_are(cluster: Cluster, state: str) -> bool:
    return all([await ready(cluster, index) == (200, state) for index in (0, 1)])


async def test_what_one_process_does_the_other_ones_sockets_hear_once_and_in_order(cluster: Cluster) -> None:
    token = cluster.register()
    room = await cluster.room(token)
    async with pair(cluster, token, room) as (first, second):
        for number in range(100):
            await cluster.rename(number % 2, room, str(number), token)
        for listener in (first, second):
            await listener.until(lambda listener=listener: len(names(listener)) >= 100)
            assert names(listener) == [str(number) for number in range(100)]


async def test_presence_shows_everybody_and_forgets_who_stops_or_dies(cluster: Cluster) -> None:
    token, other = cluster.register(), cluster.register()
    room = await cluster.room(token)
    one, two = cluster.servers
    async with Listener(one.url, token, f"room:{room}") as first:
        (mine,) = first.present
        async with Listener(two.url, other, f"room:{room}") as second:
            await first.until(lambda: len(first.present) == 2)
            assert second.present == first.present
        await first.until(lambda: first.present == {mine}, 5)
        for end, seconds in ((two.kill, 30), (two.stop, 5)):
            async with Listener(two.url, other, f"room:{room}"):
                await first.until(lambda: len(first.present) == 2)
                await asyncio.to_thread(end)
                await first.until(lambda: first.present == {mine}, seconds)
            await asyncio.to_thread(two.start)
        leaves = [one for diff in first.events("presence_diff") for one in diff["leaves"].values()]
        assert sum(len(one["metas"]) for one in leaves) == 3  # each is told once
        async with Listener(two.url, token, f"room:{room}") as late:
            assert late.present == {mine}


async def test_a_revoked_token_ends_sockets_everywhere_at_once(cluster: Cluster) -> None:
    token = cluster.register()
    room = await cluster.room(token)
    async with pair(cluster, token, room) as (_first, second):
        began = time.monotonic()
        await cluster.call(0, "DELETE", "/api/session", token=token)
        await second.until(lambda: second.closed is not None)
        assert time.monotonic() - began < 1  # the database is asked every two seconds
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await Listener(cluster.servers[1].url, token, f"room:{room}").__aenter__()


async def test_limits_count_what_all_processes_see(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(
        RALLYPOINT_RATE_LIMITS="on", RALLYPOINT_LIMIT_SOCKETS_PER_USER="4", RALLYPOINT_LIMIT_API="10/minute"
    )
    token = cluster.register()
    room = await cluster.room(token)
    urls = [server.url for server in cluster.servers]
    async with AsyncExitStack() as stack:
        for number in range(4):
            await stack.enter_async_context(Listener(urls[number % 2], token, f"room:{room}"))
        for url in urls:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await Listener(url, token, f"room:{room}").__aenter__()
            assert refused.value.status == 429
    await asyncio.sleep(0.5)
    async with Listener(urls[0], token, f"room:{room}"):
        pass
    codes = [
        (await asyncio.to_thread(server.request, "GET", "/api/v1/rooms", token=token))[0]
        for _ in range(5)
        for server in cluster.servers
    ]
    assert codes == [200] * 9 + [429]  # the room was the first of ten


@pytest.mark.parametrize("fault", ["stop", "freeze"])
async def test_without_redis_each_serves_on_and_all_recovers(
    new_cluster: Callable[..., Cluster], fault: str
) -> None:
    cluster = new_cluster(RALLYPOINT_RATE_LIMITS="on", RALLYPOINT_LIMIT_API="100000/minute")
    token, other = cluster.register(), cluster.register()
    room = await cluster.room(token)
    async with (
        pair(cluster, token, room) as (first, second),
        Listener(cluster.servers[1].url, other, f"room:{room}"),
    ):
        await first.until(lambda: len(first.present) == 2)
        await cluster.rename(0, room, "before", token)
        getattr(cluster.redis, fault)()
        took = []
        for number in range(40):
            began = time.monotonic()
            await cluster.rename(number % 2, room, str(number), token)
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
        assert max(took) < 1
        assert sum(one > 0.2 for one in took) <= 2, took  # the one of each process that found out
        await until(lambda: both_are(cluster, "degraded"), 5)
        await cluster.rename(0, room, "alone", token)
        await first.until(lambda: "alone" in names(first), 1)  # its own process needs nobody
        await second.until(lambda: "alone" in names(second), 5)  # read from the outbox
        {"stop": cluster.redis.start, "freeze": cluster.redis.thaw}[fault]()
        await until(lambda: both_are(cluster, "ok"), 10)
        began = time.monotonic()
        await cluster.rename(0, room, "together", token)
        await second.until(lambda: "together" in names(second), 1)
        for listener in (first, second):
            expected = {"before", *map(str, range(40)), "alone", "together"}
            await listener.until(lambda listener=listener, all=expected: set(names(listener)) == all, 5)
        await asyncio.sleep(9)  # by then each has looked through what the others wrote again
        assert len(first.present) == len(second.present) == 2
        assert not any(diff["leaves"] for diff in first.events("presence_diff"))
    for server in cluster.servers:
        log = server.log.read_text()
        assert (log.count("Redis is away"), log.count("Redis is back")) == (1, 1)


async def test_a_server_starts_without_redis_and_finds_it_later(cluster: Cluster) -> None:
    cluster.redis.stop()
    await asyncio.to_thread(cluster.servers[0].stop)
    await asyncio.to_thread(cluster.servers[0].start)
    token = cluster.register()
    room = await cluster.room(token)
    async with pair(cluster, token, room) as (first, second):
        cluster.redis.start()
        await until(lambda: both_are(cluster, "ok"), 10)
        await first.until(lambda: len(first.present) == 1)
        await cluster.rename(1, room, "found", token)
        await first.until(lambda: "found" in names(first), 1)
        await second.until(lambda: "found" in names(second), 1)
