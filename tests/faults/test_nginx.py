"""The documented nginx before two servers: polls stay with their server, upgrades pass, a restart is not noticed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import socketio

from support.cluster import Cluster
from support.follower import follow
from support.nginx import nginx

pytestmark = [pytest.mark.slow, pytest.mark.node]
CLIENTS = 12


@asynccontextmanager
async def from_address(number: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a client whose address is one of loopback's many."""
    connector = aiohttp.TCPConnector(local_addr=(f"127.0.0.{10 + number}", 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@asynccontextmanager
async def polling(url: str, number: int, token: str, room: str) -> AsyncIterator[list[str]]:
    """Join a room by long polling from an address of one's own, and yield the names that are heard."""
    names: list[str] = []
    async with from_address(number) as session:
        client = socketio.AsyncClient(http_session=session, reconnection=False)
        client.on("room.updated", lambda event: names.append(event["payload"]["data"]["room"]["name"]))
        await client.connect(url, transports=["polling"], auth={"token": token})
        await client.call("join", {"topic": f"room:{room}", "params": {}})
        try:
            yield names
            assert client.connected, "a poll went to a server that does not know it"
        finally:
            await client.disconnect()


async def test_polls_stay_with_the_server_that_they_began_with(cluster: Cluster, tmp_path: Path) -> None:
    token = cluster.register()
    room = await cluster.room(token)
    ports = [server.port for server in cluster.servers]
    with nginx(tmp_path, ports) as proxy:
        async with AsyncExitStack() as stack:
            heard = [
                await stack.enter_async_context(polling(proxy.url, number, token, room))
                for number in range(CLIENTS)
            ]
            for number in range(5):
                await cluster.rename(number % 2, room, str(number), token)
                async with asyncio.timeout(10):
                    while not all(names and names[-1] == str(number) for names in heard):
                        await asyncio.sleep(0.02)
        assert heard == [[str(number) for number in range(5)]] * CLIENTS
    servers = proxy.servers_of("/socket.io/")
    assert [len(used) for used in servers.values()] == [1] * CLIENTS
    assert len(set.union(*servers.values())) == 2, "one server alone would show nothing"


async def test_a_restart_of_each_server_in_turn_fails_no_request(cluster: Cluster, tmp_path: Path) -> None:
    token = cluster.register()
    room = await cluster.room(token)
    done, statuses = asyncio.Event(), Counter[int]()
    ports = [server.port for server in cluster.servers]
    with nginx(tmp_path, ports) as proxy:
        async with (
            follow(proxy.url, token, room, "websocket") as upgraded,
            follow(proxy.url, token, room, "polling") as polled,
            AsyncExitStack() as stack,
        ):
            sessions = [await stack.enter_async_context(from_address(number)) for number in range(CLIENTS)]

            async def load() -> None:
                headers = {"Authorization": f"Bearer {token}"}
                while not done.is_set():
                    number = statuses.total()
                    path = f"{proxy.url}/api/v1/rooms/{room}"
                    session = sessions[number % CLIENTS]
                    async with session.patch(path, json={"name": str(number)}, headers=headers) as reply:
                        statuses[reply.status] += 1
                    await asyncio.sleep(0.02)

            loading = asyncio.create_task(load())
            for server in cluster.servers:
                await asyncio.sleep(0.5)
                assert await asyncio.to_thread(server.stop) == 0
                await asyncio.to_thread(server.start)
                await asyncio.sleep(1)
            done.set()
            await loading
            assert set(statuses) == {200}
            await cluster.rename(0, room, "last", token)
            for follower in (upgraded, polled):
                async with asyncio.timeout(15):
                    while "last" not in follower.names:
                        await asyncio.sleep(0.05)
                assert follower.names == [*map(str, range(statuses.total())), "last"]
                assert any("disconnected" in line for line in follower.lines)
        assert statuses.total() > 50
