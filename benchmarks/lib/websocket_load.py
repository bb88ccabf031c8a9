"""Many Phoenix clients in one process that cost next to nothing each, so that the server is the limit.

``python -m lib.websocket_load URL PID`` prints one line of JSON: ``rate`` (messages/s received), ``cpu`` (of
the server, µs for each), ``p50`` and ``p99`` (ms, at 20 messages/s) and ``frame`` (one message as it came).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import uvloop

from lib.process import cpu_seconds

TOPIC = "bench:1"
BURST = 20
IN_FLIGHT = 3
PACE_SECONDS = 0.05
TEXT, PING, PONG = 0x1, 0x9, 0xA


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a client's frame, masked with zeros: that leaves the payload as it is (RFC 6455 §5.3)."""
    size = len(payload)
    head = (
        bytes([0x80 | opcode, 0x80 | size]) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    )
    return head + b"\0\0\0\0" + payload


class Client(asyncio.Protocol):
    """One WebSocket that counts the messages of its topic.

    Args:
        target: Path and query of the socket.
        host: For the handshake.
        on_message: Called with each message's bytes.
    """

    def __init__(self, target: str, host: str, on_message: Callable[[bytes], None]) -> None:
        self._target = target
        self._host = host
        self._on_message = on_message
        self._buffer = b""
        self._open = False
        self.joined = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(  # type: ignore[attr-defined]
            f"GET {self._target} HTTP/1.1\r\nHost: {self._host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._open or self._accepted():
            self._frames()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.joined.done():
            self.joined.set_exception(RuntimeError(f"refused: {self._buffer[:500]!r}"))

    def send(self, *message: object) -> None:
        """Send a Phoenix message: join_ref, ref, topic, event, payload."""
        self.transport.write(frame(TEXT, json.dumps(message).encode()))  # type: ignore[attr-defined]

    def _accepted(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end or not head.startswith(b"HTTP/1.1 101"):
            return False
        self._open, self._buffer = True, rest
        self.send("1", "1", TOPIC, "phx_join", {})
        return True

    def _frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[start : start + 2]), start + 2
            if len(buffer) < start + size:
                break
            self._handle(buffer[at] & 0xF, buffer[start : start + size])
            at = start + size
        self._buffer = buffer[at:]

    def _handle(self, opcode: int, payload: bytes) -> None:
        if b'"tick"' in payload:
            self._on_message(payload)
        elif opcode == PING:
            self.transport.write(frame(PONG, payload))  # type: ignore[attr-defined]
        elif opcode == TEXT and not self.joined.done():
            self.joined.set_result(payload)


class Load:
    """All clients, and what they measure together."""

    def __init__(self, url: str, pid: int, clients: int) -> None:
        self._url = urlsplit(url)
        self._pid = pid
        self._count = clients
        self._received = 0
        self._wanted = -1
        self._enough = asyncio.Event()
        self._latencies: list[float] | None = None
        self.last = b""

    async def connect(self) -> None:
        """Connect and join, one after the other."""
        loop = asyncio.get_running_loop()
        target, host = f"{self._url.path}?{self._url.query}", self._url.netloc
        self._clients = []
        for _ in range(self._count):
            _, client = await loop.create_connection(
                lambda: Client(target, host, self._message), self._url.hostname, self._url.port
            )
            await asyncio.wait_for(client.joined, 10)
            self._clients.append(client)

    async def saturate(self, seconds: float) -> dict[str, float]:
        """Keep a few bursts under way, so that the server neither idles nor runs far ahead."""
        start, cpu, before = time.perf_counter(), cpu_seconds(self._pid), self._received
        burst, bursts = BURST * self._count, 0
        while time.perf_counter() - start < seconds:
            while bursts < IN_FLIGHT + (self._received - before) // burst:
                self._publish(BURST)
                bursts += 1
            await self._reach(before + (bursts - IN_FLIGHT + 1) * burst)
        await self._reach(before + bursts * burst)
        count, taken = self._received - before, time.perf_counter() - start
        return {"rate": count / taken, "cpu": (cpu_seconds(self._pid) - cpu) / count * 1e6}

    async def pace(self, seconds: float) -> dict[str, float]:
        """Publish 20 messages a second and return how long they took to arrive, in ms."""
        count = round(seconds / PACE_SECONDS)
        wanted = self._received + count * self._count
        self._latencies = []
        for _ in range(count):
            self._publish(1)
            await asyncio.sleep(PACE_SECONDS)
        await self._reach(wanted)
        ordered = sorted(self._latencies)
        return {f"p{part}": ordered[len(ordered) * part // 100] for part in (50, 99)}

    def _publish(self, count: int) -> None:
        self._clients[0].send(
            "1", "2", TOPIC, "publish", {"count": count, "sent": time.perf_counter() * 1000}
        )

    async def _reach(self, count: int) -> None:
        self._wanted = count
        self._enough.clear()
        if self._received < count:
            await asyncio.wait_for(self._enough.wait(), 30)

    def _message(self, payload: bytes) -> None:
        self._received += 1
        if self._latencies is not None:
            sent = json.loads(payload)[4]["sent"]
            self._latencies.append(time.perf_counter() * 1000 - sent)
        if self._received >= self._wanted:
            self.last = payload
            self._enough.set()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("pid", type=int)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--clients", type=int, default=200)
    options = parser.parse_args()
    load = Load(options.url, options.pid, options.clients)
    await load.connect()
    await load.saturate(1)  # warm
    measured = await load.saturate(options.seconds)
    await asyncio.sleep(0.5)
    print(json.dumps({**measured, **await load.pace(options.seconds), "frame": json.loads(load.last)}))


if __name__ == "__main__":
    uvloop.run(main())
