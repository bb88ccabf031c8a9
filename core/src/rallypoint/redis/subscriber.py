"""What other processes tell this one: a connection that is subscribed to the channels somebody here listens to.

A channel for each topic, because a message that nobody here wants costs the receiving process a third of what
subscribing to its topic would have cost, and there are many more messages than joins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from redis.asyncio.client import PubSub

from rallypoint.redis.link import FAILURES, TIMEOUT, Link, end
from rallypoint.redis.wire import sender_of
from rallypoint.storage import clock

LINGER_SECONDS = 2.0
"""How long a channel stays subscribed after its last listener: clients come back."""
SILENCE_MS = 3_000
CHANNELS_AT_ONCE = 1_000

Take = Callable[[str, bytes], None]


class Subscriber:
    """Follows channels.

    Args:
        link: To Redis.
        take: Called with a channel and a body that another process published on it.

    Attributes:
        sure: Milliseconds; what was published up to then has arrived here, but for what came in a gap.
        gap_since: When the oldest gap began that nobody has seen to; None without one.
    """

    def __init__(self, link: Link, take: Take) -> None:
        self.sure = 0
        self.gap_since: int | None = None
        self._link = link
        self._take = take
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._confirmed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._pinged = 0
        self._answered = True
        link.add(self)
        link.recovered.append(self._write)

    async def follow(self, channel: str) -> bool:
        """Listen to a channel and wait until nothing on it can be missed; False when Redis is away."""
        self._wanted.add(channel)
        if channel in self._asked and channel not in self._confirmed:
            return self._link.up
        if not self._link.up:
            return False
        confirmed = self._confirmed.setdefault(channel, asyncio.Event())
        self._write()
        with suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                await confirmed.wait()
        return self._link.up

    def forget(self, channel: str) -> None:
        """Stop listening to a channel, a moment later unless it is wanted again."""
        if channel in self._wanted:
            self._wanted.discard(channel)
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._write)

    async def resume(self) -> None:
        """Connect anew, and wait until every channel is followed."""
        await self.close()
        if self.sure:
            self.gap_since = self.sure if self.gap_since is None else min(self.gap_since, self.sure)
        pubsub = self._pubsub = self._link.client.pubsub()
        self._asked.clear()
        self._answered, since = True, clock.now()
        waiting = {channel: self._confirmed.setdefault(channel, asyncio.Event()) for channel in self._wanted}
        await self._sync(pubsub)
        self._reader = asyncio.create_task(self._read(pubsub), name="redis subscriber")
        async with asyncio.timeout(TIMEOUT + len(waiting) / CHANNELS_AT_ONCE):
            for event in waiting.values():
                await event.wait()
        self.sure = since

    async def check(self) -> None:
        """Notice a connection that is silent, by asking for an answer at every heartbeat."""
        if not self._answered and clock.now() - self._pinged > SILENCE_MS:
            raise ConnectionError("the subscriptions' connection is silent")
        if self._answered and self._pubsub is not None:
            self._answered, self._pinged = False, clock.now()
            await self._pubsub.ping()

    async def close(self) -> None:
        """Follow nothing more."""
        reader, writer, pubsub = self._reader, self._writer, self._pubsub
        self._reader = self._writer = self._pubsub = None  # first: nothing begins on it any more
        await end(reader)
        await end(writer)
        if pubsub is not None:
            with suppress(*FAILURES):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _read(self, pubsub: PubSub) -> None:
        try:
            async for message in pubsub.listen():
                self._hear(message)
        except FAILURES as error:
            self._link.failed(error)

    def _hear(self, message: dict[str, Any]) -> None:
        kind, data = message["type"], message["data"]
        if kind == "message":
            if sender_of(data) != self._link.process:
                self._take(message["channel"].decode(), data)
        elif kind == "subscribe":
            confirmed = self._confirmed.pop(message["channel"].decode(), None)
            if confirmed is not None:
                confirmed.set()
        elif kind == "pong":
            self._answered, self.sure = True, self._pinged

    def _write(self) -> None:
        if self._link.up and self._pubsub is not None and self._writer is None:
            self._writer = asyncio.create_task(self._keep_in_step(self._pubsub), name="redis subscriptions")

    async def _keep_in_step(self, pubsub: PubSub) -> None:
        try:
            while self._asked != self._wanted:
                await self._sync(pubsub)
        except FAILURES as error:
            self._link.failed(error)
        finally:
            if self._writer is asyncio.current_task():
                self._writer = None

    async def _sync(self, pubsub: PubSub) -> None:
        more, less = self._wanted - self._asked, self._asked - self._wanted
        self._asked = set(self._wanted)
        for channels in _portions(more):
            await pubsub.subscribe(*channels)
        for channels in _portions(less):
            await pubsub.unsubscribe(*channels)


def _portions(channels: Iterable[str]) -> Iterable[list[str]]:
    ordered = list(channels)
    return [ordered[at : at + CHANNELS_AT_ONCE] for at in range(0, len(ordered), CHANNELS_AT_ONCE)]
