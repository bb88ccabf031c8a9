"""What this process tells the others: a bounded outbox that one task empties in batches.

Whoever publishes never waits. What comes while a batch is on its way makes the next batch, and what one channel
gets in a batch is one command. Nothing is sent twice, for Redis may have taken what it did not acknowledge:
the others are told from when on they may have missed something, and read that from the outbox.
"""

from __future__ import annotations

import asyncio

import orjson
import structlog

from rallypoint.redis.link import FAILURES, Link
from rallypoint.redis.wire import pack
from rallypoint.storage import clock

MAX_BYTES = 8_000_000
MISSED_SINCE = "missed_since"
_log = structlog.stdlib.get_logger("rallypoint.redis")


class Publisher:
    """Sends frames on channels, in order for each channel.

    Args:
        link: To Redis.
        control: The channel on which every process hears that it missed something.
    """

    def __init__(self, link: Link, control: str) -> None:
        self._link = link
        self._control = control
        self._lost_since: int | None = None
        self._waiting: dict[str, list[bytes]] = {}
        self._bytes = 0
        self._oldest = 0
        self._task: asyncio.Task[None] | None = None
        link.recovered.append(self._admit_loss)

    def send(self, channel: str, frame: bytes) -> None:
        """Send a frame soon, unless Redis is away or does not keep up; never waits, never raises."""
        if not self._link.up or self._bytes + len(frame) > MAX_BYTES:
            self._lose(clock.now())
            return
        if not self._waiting:
            self._oldest = clock.now()
        self._waiting.setdefault(channel, []).append(frame)
        self._bytes += len(frame)
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="redis publisher")

    async def drained(self) -> None:
        """Wait until everything is sent or lost."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, oldest = self._waiting, self._oldest
                self._waiting, self._bytes = {}, 0
                await self._send(batch, oldest)
                self._admit_loss()
        finally:
            self._task = None

    async def _send(self, batch: dict[str, list[bytes]], oldest: int) -> None:
        if not self._link.up:
            self._lose(oldest)
            return
        try:
            await self._publish({channel: pack(self._link.process, sent) for channel, sent in batch.items()})
        except FAILURES as error:
            self._lose(oldest)
            self._link.failed(error)

    async def _publish(self, bodies: dict[str, bytes]) -> None:
        if len(bodies) == 1:
            ((channel, body),) = bodies.items()
            await self._link.client.publish(channel, body)
            return
        async with self._link.client.pipeline(transaction=False) as pipeline:
            for channel, body in bodies.items():
                pipeline.publish(channel, body)
            await pipeline.execute()

    def _lose(self, since: int) -> None:
        if self._lost_since is None:
            self._lost_since = since
            if self._link.up:
                _log.warning("messages for other processes are dropped")
        self._lost_since = min(self._lost_since, since)

    def _admit_loss(self) -> None:
        """Tell the others from when on they may have missed something, as soon as they can be told."""
        if self._lost_since is not None and self._link.up and self._bytes < MAX_BYTES // 2:
            since, self._lost_since = self._lost_since, None
            self.send(self._control, orjson.dumps({MISSED_SINCE: since}))
            self._oldest = min(self._oldest, since)  # so it is said again when this is lost, too
