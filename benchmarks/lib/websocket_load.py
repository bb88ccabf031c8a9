"""Many Phoenix clients in one process that cost next to nothing each, so that the server is the limit.

``python -m lib.websocket_load SLICES SECONDS (URL PID){2}`` takes turns between two servers and prints
``[{rate, core, cpu, p50, p99, busy, calm, frame}, …]``, one figure a slice for each: messages/s received, the same
for a second of CPU of whoever used more (what the rate is when nobody waits for a core), server CPU in µs for each,
latency in ms at 20 messages/s, how long server and clients waited for a core while saturated (busy) and
while paced (calm), as shares of the time; and one message as it came.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import uvloop

from lib.process import cpu_seconds, waited_seconds

TOPIC = "bench:1"
CLIENTS = 200
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

    def __init__(self, url: str, pid: int) -> None:
        self._url = urlsplit(url)
        self._pid = pid
        self._count = CLIENTS
        self._received = 0
        self._wanted = -1
        self._enough = asyncio.Event()
        self._latencies: list[float] | None = None
        self._last = b""
        self._measured: dict[str, list[float]] = {}

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

    async def saturate(self, seconds: float) -> None:
        """Keep a few bursts under way, so that the server neither idles nor runs far ahead."""
        share = self._waiting()
        start, cpu, own, before = (
            time.perf_counter(),
            cpu_seconds(self._pid),
            time.process_time(),
            self._received,
        )
        burst, bursts = BURST * self._count, 0
        while time.perf_counter() - start < seconds:
            while bursts < IN_FLIGHT + (self._received - before) // burst:
                self._publish(BURST)
                bursts += 1
            await self._reach(before + (bursts - IN_FLIGHT + 1) * burst)
        await self._reach(before + bursts * burst)
        count, taken = self._received - before, time.perf_counter() - start
        self._note("rate", count / taken)
        own, used = time.process_time() - own, cpu_seconds(self._pid) - cpu
        self._note("core", count / max(own, used))
        self._note("cpu", used / count * 1e6)
        self._note("busy", share())

    async def pace(self, seconds: float) -> None:
        """Publish 20 messages a second and note how long they took to arrive."""
        share = self._waiting()
        count = round(seconds / PACE_SECONDS)
        wanted = self._received + count * self._count
        self._latencies = []
        for _ in range(count):
            self._publish(1)
            await asyncio.sleep(PACE_SECONDS)
        await self._reach(wanted)
        self._note("calm", share())
        ordered, self._latencies = sorted(self._latencies), None
        for part in (50, 99):
            self._note(f"p{part}", ordered[len(ordered) * part // 100])

    def forget(self) -> None:
        """Drop what was measured so far."""
        self._measured.clear()

    def results(self) -> dict[str, object]:
        """Return what was measured."""
        return {**self._measured, "frame": json.loads(self._last)}

    def _waiting(self) -> Callable[[], float]:
        def waited() -> float:
            return waited_seconds(self._pid) + waited_seconds(os.getpid())

        start, before = time.perf_counter(), waited()
        return lambda: (waited() - before) / (time.perf_counter() - start)

    def _note(self, name: str, figure: float) -> None:
        self._measured.setdefault(name, []).append(figure)

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
            self._last = payload
            self._enough.set()


async def main(slices: int, seconds: float, *servers: str) -> None:
    loads = [Load(url, int(pid)) for url, pid in zip(servers[::2], servers[1::2], strict=True)]
    for load in loads:
        await load.connect()
        await load.saturate(1)  # warm
        load.forget()
    for _ in range(slices):
        for load in loads:
            await load.saturate(seconds)
    await asyncio.sleep(0.5)
    for _ in range(slices):
        for load in loads:
            await load.pace(seconds)
    print(json.dumps([load.results() for load in loads]))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:]))
