"""Frames made once: right to the byte, really used, and left alone where they would be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from rallypoint.realtime.outbound import text_frame
from rallypoint.realtime.wire import WIRE, WireProtocol, text_on_the_wire
from rallypoint.testing.server import free_port

Send = Callable[[dict[str, Any]], Awaitable[None]]
Talk = Callable[[Send], Awaitable[None]]


@given(st.binary(max_size=300))
@example(b"x" * 125)
@example(b"x" * 126)
@example(b"x" * 65_535)
@example(b"x" * 65_536)
def test_a_frame_is_what_the_library_makes(text):
    assert text_on_the_wire(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


@asynccontextmanager
async def talking(talk: Talk, *, deflate: bool = False) -> AsyncIterator[str]:
    """Serve a WebSocket that is accepted, then handed to ``talk``; gives its address."""

    async def app(scope: Any, receive: Any, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await talk(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    port = free_port()
    config = uvicorn.Config(
        app, port=port, ws=WireProtocol, ws_per_message_deflate=deflate, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"ws://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


def told_apart() -> dict[str, Any]:
    """A message whose frame and text differ, so that a client sees which of them was sent."""
    return {"type": "websocket.send", "text": "text", WIRE: text_on_the_wire(b"frame")}


async def test_the_frame_is_sent_as_it_stands_and_in_its_turn():
    async def talk(send: Send) -> None:
        await send({"type": "websocket.send", "text": "first"})
        await send(told_apart())
        await send({"type": "websocket.send", "bytes": b"last"})

    async with talking(talk) as url, connect(url, compression=None) as client:
        assert [await client.recv() for _ in range(3)] == ["first", "frame", b"last"]


async def test_a_client_that_compresses_gets_the_text():
    async def talk(send: Send) -> None:
        await send(told_apart())

    async with talking(talk, deflate=True) as url, connect(url) as client:
        assert await client.recv() == "text"


async def test_nothing_follows_the_end():
    after: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    async def talk(send: Send) -> None:
        await send({"type": "websocket.close", "code": 4001})
        try:
            await send(told_apart())
        except RuntimeError as error:
            after.set_result(error)

    async with talking(talk) as url, connect(url, compression=None) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001
        assert isinstance(await asyncio.wait_for(after, 5), RuntimeError)


async def test_a_client_that_does_not_read_makes_the_sender_wait():
    waited: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    flood = text_frame("x" * 100_000)

    async def talk(send: Send) -> None:
        try:
            async with asyncio.timeout(2):
                for _ in range(1000):
                    await send(dict(flood.message))
            waited.set_result(False)
        except TimeoutError:
            waited.set_result(True)

    async with talking(talk) as url, connect(url, compression=None, max_queue=1) as client:
        assert await asyncio.wait_for(waited, 10)
        client.transport.abort()
