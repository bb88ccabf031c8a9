"""Every server process is restarted in turn under load: clients notice nothing but a reconnect."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from rallypoint.testing.server import ServerProcess
from support.balancer import balancer
from support.cluster import Cluster
from support.listener import Listener
from support.node import need_node, need_packages

pytestmark = [pytest.mark.slow, pytest.mark.node]


class Follower:
    """The published Socket.IO client on a room, and what it printed."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))

    async def until(self, seconds: float, **wanted: Any) -> None:
        async with asyncio.timeout(seconds):
            while not any(wanted.items() <= line.items() for line in self.lines):
                await asyncio.sleep(0.02)

    @property
    def names(self) -> list[str]:
        """The room's names in the order in which they came, each event once."""
        events = {line["id"]: line for line in self.lines if line.get("event") == "room.updated"}
        return [line["data"]["data"]["room"]["name"] for line in events.values()]


@asynccontextmanager
async def follow(url: str, token: str, room: str, transport: str) -> AsyncIterator[Follower]:
    process = await asyncio.create_subprocess_exec(
        need_node(),
        "socketio_follow.mjs",
        url,
        token,
        f"room:{room}",
        transport,
        cwd=need_packages(),
        stdout=PIPE,
    )
    follower = Follower(process)
    reading = asyncio.create_task(follower.read())
    try:
        await follower.until(15, joined=True)
        yield follower
    finally:
        process.kill()
        await process.wait()
        await reading


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
    assert await asyncio.to_thread(server.stop) == -signal.SIGTERM
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
