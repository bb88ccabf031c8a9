"""Requests at a steady pace, whether or not the answers keep up, and how long each took."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from lib.http_load import message_length

WAIT_SECONDS = 30.0


class Connection(asyncio.Protocol):
    """One connection, which has one request under way at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        length = message_length(self._buffer)
        if self._answer is not None and length is not None and len(self._buffer) >= length:
            answer, self._answer = self._answer, None
            answer.set_result(bytes(self._buffer[:length]))
            del self._buffer[:length]

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the server closed the connection"))

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the whole answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)  # type: ignore[attr-defined]
        return await asyncio.wait_for(self._answer, WAIT_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


class Pace:
    """Sends requests of several kinds in turn, at a steady rate.

    A request's time begins when it was due, so that a server that stalls is not spared those that it kept waiting.

    Args:
        port: On loopback.
        kinds: The requests of each kind, sent over and over.
        rate: Requests a second, of all kinds together.
    """

    def __init__(self, port: int, kinds: Sequence[Sequence[bytes]], rate: float) -> None:
        self._port, self._kinds, self._rate = port, kinds, rate
        self._idle: list[Connection] = []
        self._sent = [0] * len(kinds)
        self.taken: list[list[tuple[float, float]]] = []
        """For each kind, when a request was due (of ``time.perf_counter``) and how many ms it took."""

    async def run(self, until: asyncio.Future[None] | asyncio.Task[None]) -> None:
        """Send until a future is done, then wait for the answers that are missing.

        Raises:
            RuntimeError: Some answer was not a success.
        """
        self.taken = [[] for _ in self._kinds]
        with uncollected():
            begun, tasks = time.perf_counter(), []
            for number in count():
                due = begun + number / self._rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if until.done():
                    break
                tasks.append(asyncio.create_task(self._send(number % len(self._kinds), due)))
            await asyncio.gather(*tasks)
        until.result()
        while self._idle:  # the server would hang up before the next time
            self._idle.pop().close()

    async def _send(self, kind: int, due: float) -> None:
        requests = self._kinds[kind]
        request = requests[self._sent[kind] % len(requests)]
        self._sent[kind] += 1
        connection = await self._connection()
        answer = await connection.ask(request)
        self.taken[kind].append((due, (time.perf_counter() - due) * 1000))
        self._idle.append(connection)
        if answer[9:10] != b"2":
            raise RuntimeError(f"the server refused a request: {answer[:300]!r}")

    async def _connection(self) -> Connection:
        """Return one that is not in use; the server hangs up on those left over from a stall."""
        while self._idle:
            if not (connection := self._idle.pop()).closed:
                return connection
        return await self._connect()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        return connection


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect this process's garbage before the block and after it, but not within.

    A full collection stops whoever measures for a tenth of a second and more, and would count as the server's time.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the figure that ``share`` of the figures do not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
