"""Rate limits counted by all processes together, and by each for itself while Redis is away."""

from __future__ import annotations

from limits.aio.storage import RedisStorage, Storage

from rallypoint.redis.link import FAILURES, Link, connect
from rallypoint.web.windows import WindowMemory

TIMEOUT = 0.25
"""Seconds that the one request may lose which finds out that Redis is away."""


class SharedWindows(Storage):
    """Counters of fixed windows: the limits library's in Redis, else this process's own.

    Args:
        link: Tells whether Redis can be used.
        url: Of Redis.
    """

    def __init__(self, link: Link, url: str) -> None:
        super().__init__()
        self._link = link
        self._client = connect(url, TIMEOUT)
        self._shared = RedisStorage(
            url,
            implementation="redispy",
            key_prefix=link.key("limits"),
            connection_pool=self._client.connection_pool,  # type: ignore[arg-type]
        )
        self._own = WindowMemory()
        link.add(self)

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """What a failing storage raises; this one does not fail."""
        return ValueError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count ``amount`` in the key's window of ``expiry`` seconds and return the sum."""
        if self._link.up:
            try:
                return await self._shared.incr(key, int(expiry), amount)
            except FAILURES as error:
                self._link.failed(error)
        return await self._own.incr(key, expiry, amount)

    async def get(self, key: str) -> int:
        """Return what the key's present window has counted."""
        if self._link.up:
            try:
                return await self._shared.get(key)
            except FAILURES as error:
                self._link.failed(error)
        return await self._own.get(key)

    async def get_expiry(self, key: str) -> float:
        """Return when the key's window ends, in seconds since the epoch."""
        if self._link.up:
            try:
                return await self._shared.get_expiry(key)
            except FAILURES as error:
                self._link.failed(error)
        return await self._own.get_expiry(key)

    async def resume(self) -> None:
        """Drop connections that may be dead (see ``link.Part``)."""
        await self._client.connection_pool.disconnect(inuse_connections=False)

    async def check(self) -> bool:
        """Tell whether the storage works; it always does, somehow."""
        return True

    async def clear(self, key: str) -> None:
        """Begin the key's window anew, in this process and in Redis if it is there."""
        await self._own.clear(key)
        if self._link.up:
            await self._shared.clear(key)

    async def reset(self) -> int | None:
        """Forget this process's own counters and return how many those were."""
        return await self._own.reset()

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._client.aclose()
