from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from rallypoint.commands.closing import _accepted, close_listeners

CLIENTS = 20


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_who_is_through_the_door_is_served_and_nobody_else(
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Echo, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        early = socket.create_connection(address, 5)
        await asyncio.sleep(0.05)  # accepted, and silent so far
        late = [
            socket.create_connection(address, 5) for _ in range(CLIENTS)
        ]  # the loop has no time to accept
        try:
            for client in (early, *late):
                client.sendall(b"request")
            await close_listeners([server], Echo)
            for client in (early, *late):
                assert await asyncio.to_thread(client.recv, 100) == b"request"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address, 5)
        finally:
            for client in (early, *late):
                client.close()
            await asyncio.sleep(0.05)

    run(scenario())


def test_a_client_that_has_hung_up_meanwhile_harms_nobody() -> None:
    async def scenario() -> None:
        server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
        gone, there = (socket.create_connection(server.sockets[0].getsockname(), 5) for _ in range(2))
        gone.close()
        there.sendall(b"request")
        with there:
            await close_listeners([server], Echo)
            assert await asyncio.to_thread(there.recv, 100) == b"request"
        await asyncio.sleep(0.05)

    asyncio.run(scenario())


class Failing(socket.socket):
    """Reports one connection's error in place of the connection, as Linux may."""

    failures = 1

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise ConnectionAbortedError
        return super().accept()


def test_an_error_of_one_connection_does_not_hide_those_behind_it() -> None:
    with Failing() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        with socket.create_connection(listening.getsockname(), 5):
            (accepted,) = _accepted(listening)
            accepted.close()
