"""One process's link to Redis: whether it can be used, and what happens when it comes back.

Everything that uses Redis asks :attr:`Link.up` first and reports what fails to :meth:`Link.failed`, so that an
absent or frozen Redis holds nobody up longer than once. A heartbeat finds out when it is back.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

BEAT_SECONDS = 1.0
RETRY_SECONDS = 0.5
TIMEOUT = 1.0
"""Seconds that Redis may take to answer; nobody waits for it while it is known to be away."""
ALIVE_SECONDS = 10
"""How long a process counts as alive after its last heartbeat."""
STUCK_SECONDS = 60.0
"""How long putting everything in order may take; whatever stands still beyond that is begun anew."""
MAX_REASONS = 10
"""How many different reasons of one absence are logged."""
FAILURES = (RedisError, OSError, TimeoutError)

_log = structlog.stdlib.get_logger("rallypoint.redis")


class Part(Protocol):
    """Something that must be put in order before Redis counts as usable (again)."""

    async def resume(self) -> None:
        """Put it in order; what Redis knew of this process may be gone.

        Raises:
            RedisError, OSError, TimeoutError: Redis fails meanwhile; it is tried again.
        """

    async def check(self) -> object:
        """Look whether it still works, at every heartbeat; raises as :meth:`resume` does."""


def connect(url: str, timeout: float = TIMEOUT) -> Redis:
    """Return a client that fails soon, and never tries again by itself: that is what :class:`Link` is for."""
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        max_connections=100,
    )


async def end(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait until it has ended.

    More than once if need be: what it calls may swallow a cancellation that comes just as it is done, as
    ``asyncio.wait_for`` does before Python 3.12.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.5)


class Link:
    """Redis, seen from one process.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        prefix: Of every key and channel.

    Attributes:
        process: Names this process among those that share.
        client: For commands; use it only while :attr:`up`.
        up: Whether Redis can be used now.
        recovered: Called, in the event loop, whenever it can be used (again).
    """

    def __init__(self, url: str, prefix: str) -> None:
        self.process = secrets.token_hex(6)
        self.client = connect(url)
        self.up = False
        self.recovered: list[Callable[[], None]] = []
        self._prefix = prefix
        self._parts: list[Part] = []
        self._reasons: list[str] = []
        self._alarm = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, part: Part) -> None:
        """Have a part put in order before Redis counts as usable."""
        self._parts.append(part)

    def key(self, *names: str) -> str:
        """Return the name of a key or channel."""
        return ":".join((self._prefix, *names))

    async def open(self) -> None:
        """Reach Redis if it is there, and follow how it is from now on."""
        await self._beat()
        self._task = asyncio.create_task(self._follow(), name="redis")

    async def close(self) -> None:
        """Stop using Redis, and tell the others that this process is gone."""
        task, self._task = self._task, None
        await end(task)
        if self.up:
            self.up = False
            with suppress(*FAILURES):
                await self.client.delete(self._alive(self.process))
        await self.client.aclose()

    def failed(self, error: BaseException) -> None:
        """Take Redis for away until the heartbeat reaches it again; each reason is logged once."""
        reason = f"{type(error).__name__}: {error}"
        if reason not in self._reasons and len(self._reasons) < MAX_REASONS:
            first = not self._reasons
            self._reasons.append(reason)
            _log.warning(
                "Redis is away: this process serves on alone" if first else "Redis stays away", reason=reason
            )
        self.up = False
        self._alarm.set()

    async def alive(self, processes: list[str]) -> set[str]:
        """Return which of these processes have a heartbeat."""
        found: list[Any] = await self.client.mget([self._alive(process) for process in processes])
        return {process for process, beat in zip(processes, found, strict=True) if beat is not None}

    async def _follow(self) -> None:
        while True:
            self._alarm.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._alarm.wait()
            if not self.up:
                await asyncio.sleep(RETRY_SECONDS)
            await self._beat()

    async def _beat(self) -> None:
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await self._reach()
        except FAILURES as error:
            self.failed(error)
        except Exception as error:  # a heartbeat that ends would leave this process alone for ever
            _log.exception("the link to Redis fails in a way that nobody foresaw")
            self.failed(error)

    async def _reach(self) -> None:
        remembered = await self.client.set(self._alive(self.process), "1", ex=ALIVE_SECONDS, get=True)
        if not self.up or remembered is None:
            await self._resume()
        for part in self._parts:
            await part.check()

    async def _resume(self) -> None:
        self.up = False
        await self.client.connection_pool.disconnect(inuse_connections=False)  # some may be dead
        for part in self._parts:
            await part.resume()
        self.up = True
        if self._reasons:
            _log.info("Redis is back")
        self._reasons.clear()
        for told in self.recovered:
            told()

    def _alive(self, process: str) -> str:
        return self.key("alive", process)
