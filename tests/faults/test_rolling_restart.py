"""Every server process is restarted in turn under load: clients notice nothing but a reconnect."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import aiohttp
import pytest

from rallypoint.testing.server import ServerProcess
from support.balancer import balancer
from support.cluster import Cluster
from support.follower import follow
from support.listener import Listener

pytestmark = [pytest.mark.slow, pytest.mark.node]


class Client:
    """Sends each request to the next server, and once more to the other one when that fails."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession, token: str) -> None:
        self._urls = [server.url for server in cluster.servers]
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}
        self.retried = 0

    async def rename(self, room: str, number: int) -> None:
        for attempt in range(2):
            url = f"{self._urls[(number + attempt) % 2]}/api/v1/rooms/{room}"
            with suppress(aiohttp.ClientError):
                async with self._session.patch(
                    url, json={"name": f"{number}"}, headers=self._headers
                ) as reply:
                    assert reply.status == 200, await reply.text()
                    return
            self.retried += 1
        raise AssertionError(f"request {number} failed twice")


async def restart(server: ServerProcess) -> float:
    """Restart a server and return how many seconds its stop took."""
    began = time.monotonic()
    assert await asyncio.to_thread(server.stop) == 0
    took = time.monotonic() - began
    await asyncio.to_thread(server.start)
    return took


async def test_no_request_fails_and_no_event_is_missed(cluster: Cluster) -> None:
    token = cluster.register()
    room = await cluster.room(token)
    done, number = asyncio.Event(), 0
    ports = [server.port for server in cluster.servers]
    async with (
        aiohttp.ClientSession() as session,
        balancer(ports) as url,
        follow(url, token, room, "websocket") as first,
        follow(url, token, room, "websocket") as second,
    ):
        client = Client(cluster, session, token)

        async def load() -> None:
            nonlocal number
            while not done.is_set():
                await client.rename(room, number)
                number += 1
                await asyncio.sleep(0.02)

        loading = asyncio.create_task(load())
        for server in cluster.servers:
            await asyncio.sleep(0.5)
            assert await restart(server) < 5
            await asyncio.sleep(1)
        done.set()
        await loading
        await cluster.rename(0, room, "last", token)
        for follower in (first, second):
            async with asyncio.timeout(15):
                while "last" not in follower.names:
                    await asyncio.sleep(0.05)
            assert follower.names == [*map(str, range(number)), "last"]
            assert any("disconnected" in line for line in follower.lines)
            assert not any(line.get("resync") for line in follower.lines)
    assert number > 50


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_client_of_a_stopped_server_is_told_and_comes_back(cluster: Cluster, transport: str) -> None:
    token = cluster.register()
    room = await cluster.room(token)
    server = cluster.servers[0]
    async with (
        Listener(server.url, token, f"room:{room}") as plain,
        follow(server.url, token, room, transport) as follower,
    ):
        assert await restart(server) < 5
        await plain.until(lambda: plain.closed is not None)
        assert plain.closed == 1012
        await follower.until(5, event="dropped")
        follower.lines.remove(next(line for line in follower.lines if line.get("joined")))
        await follower.until(10, joined=True)
        await cluster.rename(1, room, "after", token)
        await follower.until(5, event="room.updated")
