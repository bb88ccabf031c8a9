"""The way out of one socket: at once while the client keeps up, bounded when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from rallypoint.realtime.outbound import Frame, Outbound, QueueLimits, close_frame, text_frame


class Client:
    """An ASGI ``send`` whose window can be full."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.window = asyncio.Event()
        self.window.set()
        self.gone = False

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.window.wait()
        if self.gone:
            raise ConnectionError
        self.taken.append(message.get("text", message["type"]))


def outbound(client: Client, frames: int = 10, size: int = 1000) -> tuple[Outbound, list[str]]:
    cut: list[str] = []
    made = Outbound(client.send, QueueLimits(frames, size), lambda: cut.append("slow"))
    return made, cut


def numbers(start: int, stop: int) -> list[Frame]:
    return [text_frame(str(number)) for number in range(start, stop)]


async def test_a_client_that_keeps_up_costs_no_task() -> None:
    client = Client()
    out, _ = outbound(client)
    before = len(asyncio.all_tasks())
    for frame in numbers(0, 100):
        out.send(frame)
    assert client.taken == [str(number) for number in range(100)]
    assert len(asyncio.all_tasks()) == before


async def test_a_slow_client_gets_everything_in_order_when_it_recovers() -> None:
    client = Client()
    out, cut = outbound(client)
    client.window.clear()
    for frame in numbers(0, 8):
        out.send(frame)
    await asyncio.sleep(0)
    assert client.taken == []
    client.window.set()
    for frame in numbers(8, 10):
        out.send(frame)
    await out.drained()
    for frame in numbers(10, 12):
        out.send(frame)
    assert client.taken == [str(number) for number in range(12)]
    assert cut == []


async def test_too_many_frames_or_bytes_cut_the_client_off() -> None:
    for frames, size in ((3, 1000), (100, 3)):
        client = Client()
        out, cut = outbound(client, frames, size)
        client.window.clear()
        for frame in numbers(0, 4):
            out.send(frame)
        assert cut == []
        out.send(text_frame("4"))
        assert cut == ["slow"]
        out.finish([text_frame("bye"), close_frame(1013, "slow")], 60, cut.clear)
        out.send(text_frame("late"))
        client.window.set()
        await out.drained()
        assert client.taken == ["0", "bye", "websocket.close"]
        assert cut == ["slow"]


async def test_a_client_that_never_recovers_is_given_up() -> None:
    client = Client()
    out, cut = outbound(client)
    client.window.clear()
    out.send(text_frame("0"))
    out.finish([close_frame(1001, "bye")], 0.01, lambda: cut.append("gave up"))
    await asyncio.sleep(0.05)
    assert cut == ["gave up"]
    out.close()
    await out.drained()
    client.window.set()
    await asyncio.sleep(0)
    assert client.taken == []


async def test_a_client_that_is_gone_is_sent_nothing_more() -> None:
    for full in (False, True):
        client = Client()
        out, cut = outbound(client)
        client.gone = True
        if full:
            client.window.clear()
        out.send(text_frame("0"))
        out.send(text_frame("1"))
        client.window.set()
        await out.drained()
        client.gone = False
        out.send(text_frame("2"))
        assert client.taken == []
        assert cut == []


async def test_finishing_a_client_that_keeps_up_sends_at_once() -> None:
    client = Client()
    out, _ = outbound(client)
    out.finish([text_frame("bye"), close_frame(1001, "")], 1, lambda: None)
    out.send(text_frame("late"))
    assert client.taken == ["bye", "websocket.close"]
