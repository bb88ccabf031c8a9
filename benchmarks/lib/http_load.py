"""A bounded load generator over keep-alive connections, on raw asyncio so that it is never the limit.

``python -m lib.http_load PORT FILE`` prints a line of JSON: ``requests``, ``seconds``, ``errors``. Each line
of the file is ``METHOD PATH``; they are sent in turn, over and over until ``--requests`` are answered or
``--seconds`` are up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import uvloop


class Client(asyncio.Protocol):
    """One connection that sends a request as soon as the one before it is answered."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self.answered = 0
        self.errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        length = message_length(self._buffer)
        if length is None or len(self._buffer) < length:
            return
        self.answered += 1
        self.errors += self._buffer[9:10] != b"2"
        del self._buffer[:length]
        self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        self._finish()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None or self._transport is None:
            self._finish()
        else:
            self._transport.write(request)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


def message_length(buffer: bytearray) -> int | None:
    """Return the length of the message that ``buffer`` begins with, None while its head is incomplete."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    start = buffer[:end].lower().find(b"content-length:")
    body = int(buffer[start + 15 : end].split(b"\r\n", 1)[0]) if start >= 0 else 0
    return end + 4 + body


def _rendered(lines: list[str], host: str, headers: list[str]) -> list[bytes]:
    shared = "".join(f"{header}\r\n" for header in headers)
    requests = []
    for line in lines:
        method, path = line.split(maxsplit=1)
        length = "" if method == "GET" else "Content-Length: 2\r\nContent-Type: application/json\r\n"
        body = "" if method == "GET" else "{}"
        requests.append(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{shared}{length}\r\n{body}".encode())
    return requests


def _until(requests: Iterator[bytes], deadline: float) -> Iterator[bytes]:
    for request in requests:
        if time.perf_counter() >= deadline:
            return
        yield request


async def load(
    port: int, lines: list[str], headers: list[str], *, connections: int, seconds: float, requests: int
) -> dict[str, float]:
    """Send requests and return what came of them."""
    rendered = _rendered(lines, f"127.0.0.1:{port}", headers)
    started = time.perf_counter()
    turns = _until(islice(cycle(rendered), requests), started + seconds)
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(connections)]
    made = [
        await loop.create_connection(lambda end=end: Client(turns, end), "127.0.0.1", port) for end in ends
    ]
    await asyncio.wait(ends, timeout=seconds + 10)
    taken = time.perf_counter() - started
    clients = [client for _, client in made]
    for transport, _ in made:
        transport.close()
    return {
        "requests": sum(client.answered for client in clients),
        "errors": sum(client.errors for client in clients),
        "seconds": taken,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path, help="the requests")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--requests", type=int, default=10**9)
    options = parser.parse_args()
    result = uvloop.run(
        load(
            options.port,
            options.file.read_text().splitlines(),
            options.header,
            connections=options.connections,
            seconds=options.seconds,
            requests=options.requests,
        )
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
