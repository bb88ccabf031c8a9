"""Closes a server's port without turning away who is through the door already.

The kernel completes handshakes by itself. Whoever closes a listening socket resets the connections that wait to be
accepted, and uvicorn then closes those that it accepted and has not read from: both have sent a request, and no proxy
may send one that writes a second time.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

FIRST_REQUEST_SECONDS = 0.1
"""How long a connection made just before may take to bring its request."""


async def close_listeners(
    servers: Iterable[asyncio.Server], protocol: Callable[[], asyncio.Protocol]
) -> None:
    """Accept what waits, close the ports, and return when the connections have brought their requests.

    Args:
        servers: Accept no more afterwards.
        protocol: Makes one for each connection.
    """
    # A copy keeps the port open while the loop's own is closed: what comes in between is accepted here.
    listening = [_copy(one) for server in servers for one in server.sockets]
    for server in servers:
        server.close()
    waiting = [connection for one in listening for connection in _accepted(one)]
    for one in listening:
        one.close()
    for connection in waiting:
        with suppress(OSError):  # gone again
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
    await asyncio.sleep(FIRST_REQUEST_SECONDS)


def _copy(listening: socket.socket) -> socket.socket:
    copy = socket.socket(fileno=os.dup(listening.fileno()))
    copy.setblocking(False)
    return copy


def _accepted(listening: socket.socket) -> Iterable[socket.socket]:
    while True:
        try:
            connection, _ = listening.accept()
        except ConnectionError:
            continue  # accept(2): an error of the connection that would have been returned; others wait behind it
        except OSError:
            return
        connection.setblocking(False)
        yield connection
