"""One socket's way out: straight to the ASGI server while the client keeps up, else a bounded queue.

Under uvicorn the ``send`` of a WebSocket finishes without waiting unless the client's TCP window is full.
So the coroutine is stepped once by hand: when it finishes at once, no task was made and nothing was
scheduled, which is what makes fan-out as cheap as Node's. When it waits, that client is slow: a task of its
own carries the coroutine on and then empties the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import coroutine
from typing import Any

from rallypoint.realtime.wire import WIRE, text_on_the_wire

Send = Callable[[Mapping[str, Any]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Frame:
    """A WebSocket message, encoded once for every client that speaks the same wire format.

    Args:
        message: For ASGI's ``send``; shared, so never changed.
        size: In bytes.
    """

    message: Mapping[str, Any]
    size: int


def text_frame(text: bytes | str) -> Frame:
    """Return a text frame."""
    decoded, encoded = (text, text.encode()) if isinstance(text, str) else (text.decode(), text)
    return Frame({"type": "websocket.send", "text": decoded, WIRE: text_on_the_wire(encoded)}, len(encoded))


def close_frame(code: int, reason: str) -> Frame:
    """Return the end of a WebSocket (RFC 6455 §5.5.1)."""
    return Frame({"type": "websocket.close", "code": code, "reason": reason}, len(reason))


def binary_frame(data: bytes) -> Frame:
    """Return a binary frame."""
    return Frame({"type": "websocket.send", "bytes": data}, len(data))


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What may wait for a slow client before it is cut off."""

    frames: int
    size: int


@coroutine
def _resume(started: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Carry on a coroutine that was stepped by hand until it yielded ``awaited``."""
    while True:
        try:
            yield awaited
        except BaseException as error:
            resume = partial(started.throw, error)
        else:
            resume = partial(started.send, None)
        try:
            awaited = resume()
        except StopIteration:
            return


class Outbound:
    """Frames on their way to one client, in order.

    Args:
        send: The connection's ASGI ``send``.
        limits: Of the queue.
        overflowed: Called when the client has fallen too far behind and what waited is thrown away; it must
            call :meth:`finish` or :meth:`close`.
    """

    __slots__ = ("_finished", "_limits", "_overflowed", "_queue", "_send", "_task", "_waiting")

    def __init__(self, send: Send, limits: QueueLimits, overflowed: Callable[[], None]) -> None:
        self._send = send
        self._limits = limits
        self._overflowed = overflowed
        self._queue: deque[Frame] = deque()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._finished = False

    def send(self, frame: Frame) -> None:
        """Send a frame without ever waiting."""
        if self._finished:
            return
        if self._task is not None:
            self._enqueue(frame)
            return
        sending = self._send(frame.message)
        try:
            awaited = sending.send(None)
        except StopIteration:
            return
        except Exception:
            self.close()  # the client is gone; whoever reads from it learns so and cleans up
            return
        self._task = asyncio.ensure_future(self._drain(_resume(sending, awaited)))

    def finish(self, frames: Iterable[Frame], seconds: float, give_up: Callable[[], None]) -> None:
        """Send these last frames and nothing after them.

        Args:
            frames: Usually ending with ASGI's ``websocket.close``.
            seconds: How long a slow client has to take them.
            give_up: Called when it has not.
        """
        for frame in frames:
            if self._task is None:
                self.send(frame)
            else:
                self._queue.append(frame)
        self._finished = True
        if self._task is not None:
            timer = asyncio.get_running_loop().call_later(seconds, give_up)
            self._task.add_done_callback(lambda _task: timer.cancel())

    def close(self) -> None:
        """Drop what waits and send nothing more."""
        self._finished = True
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()

    async def drained(self) -> None:
        """Wait until nothing waits."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _enqueue(self, frame: Frame) -> None:
        if len(self._queue) < self._limits.frames and self._waiting + frame.size <= self._limits.size:
            self._queue.append(frame)
            self._waiting += frame.size
        else:
            self._queue.clear()
            self._waiting = 0
            self._overflowed()

    async def _drain(self, started: Any) -> None:
        try:
            await started
            while self._queue:
                frame = self._queue.popleft()
                self._waiting -= frame.size
                await self._send(frame.message)
        except Exception:
            self._finished = True  # the client is gone
            self._queue.clear()
        finally:
            self._task = None
