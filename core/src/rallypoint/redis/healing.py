"""Durable events that the bus did not bring are read from the outbox, while Redis is away and once it is back.

So a client misses no durable event for want of Redis: it gets those of other processes within a second or so
instead of at once, in the order of each subject. It may get one twice, with the same id. What is ephemeral
(typing, presence) is not kept anywhere and is lost, but presence is set right afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from rallypoint.events.rows import SELECT, event_of, messages_of
from rallypoint.realtime.channel import Message
from rallypoint.redis.link import Link, end
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.webhooks.history import first_id

POLL_SECONDS = 1.0
OVERLAP_MS = 30_000
"""How far the clocks of processes, and the beginning and end of a transaction, may be apart."""
REMEMBERED = 20_000
_BATCH = 500
_log = structlog.stdlib.get_logger("rallypoint.redis")


class Healing:
    """Gives this process's members what the bus did not bring.

    Args:
        database: With the outbox.
        link: Tells when Redis is away.
        deliver: Takes a message for the members in this process.
        sure: Tells up to when (ms) the bus has brought everything.
    """

    def __init__(
        self, database: Database, link: Link, deliver: Callable[[Message], None], sure: Callable[[], int]
    ) -> None:
        self._database, self._link, self._deliver, self._sure = database, link, deliver, sure
        self._seen: dict[str, None] = {}
        self._since: int | None = None
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._follow(), name="healing")

    async def close(self) -> None:
        """Stop."""
        task, self._task = self._task, None
        await end(task)

    def saw(self, message: Message) -> None:
        """Remember that a message reached this process's members."""
        if message.id:
            self._seen[message.id] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def ask(self, since: int) -> None:
        """Look for what was published since a time (ms) and has not come."""
        self._since = since if self._since is None else min(self._since, since)
        self._asked.set()

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._asked.wait()
            self._asked.clear()
            if not self._link.up and self._since is None:
                self._since = self._sure() or clock.now()
            if self._since is not None:
                await self._heal(self._since)

    async def _heal(self, since: int) -> None:
        self._since, started = None, clock.now()
        try:
            await self._read(first_id(since - OVERLAP_MS))
        except Exception:  # the database may be away as well; the next round tries again
            _log.exception("missed events could not be read")
            self.ask(since)
            await asyncio.sleep(POLL_SECONDS)
            return
        if not self._link.up:
            self._since = started

    async def _read(self, after: str) -> None:
        while True:
            rows = await self._database.fetch(SELECT + "WHERE id > ? ORDER BY id LIMIT ?", after, _BATCH)
            for row in sorted(rows, key=lambda row: (row["subject"], row["seq"])):
                if row["id"] not in self._seen:
                    for message in messages_of(event_of(row)):
                        self.saw(message)
                        self._deliver(message)
            if len(rows) < _BATCH:
                return
            after = rows[-1]["id"]
            await asyncio.sleep(0)  # others first: there may be many
