"""How often a caller may ask: named limits, one limiter for requests and sockets."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from time import time

from limits import RateLimitItem, parse
from limits.aio.storage import Storage

from rallypoint.errors import RateLimited
from rallypoint.settings import Settings
from rallypoint.web.windows import WindowMemory

NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one hit did to a limit.

    Args:
        limit: Hits allowed in a window.
        remaining: Hits left in this one.
        end: When it ends, in seconds since the epoch.
        allowed: Whether this hit was within the limit.
    """

    limit: int
    remaining: int
    end: float
    allowed: bool

    @property
    def headers(self) -> dict[str, str]:
        """The reply headers that tell of it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(ceil(self.end)),
        }

    def require(self) -> None:
        """Go on only when the hit was allowed.

        Raises:
            RateLimited: It was not; carries the headers and how long to wait.
        """
        if not self.allowed:
            wait = max(1, ceil(self.end - time()))
            raise RateLimited(
                f"Too many requests: at most {self.limit} are allowed in this time; retry in {wait} s",
                retry_after=wait,
                headers=self.headers,
            )


class Limiter:
    """Named limits over one storage.

    Windows are fixed and begin with a caller's first hit: one counter for each caller, where a moving window
    keeps every hit's time and costs more the higher the limit is.

    Args:
        storage: Where the counters are; in this process when left out.
        enabled: Off lets everything pass.
    """

    def __init__(self, storage: Storage | None = None, *, enabled: bool = True) -> None:
        self._storage: Storage = storage or WindowMemory()
        self._enabled = enabled
        self._items: dict[str, RateLimitItem | None] = {NONE: None}

    @classmethod
    def from_settings(cls, settings: Settings, storage: Storage | None = None) -> Limiter:
        """Return a limiter with the core's own limits."""
        limiter = cls(storage, enabled=settings.rate_limits)
        limiter.define("api", settings.limit_api)
        limiter.define("login", settings.limit_login)
        limiter.define("public_writes", settings.limit_public_writes)
        limiter.define("mail", settings.limit_mail)
        limiter.define("inbound", settings.limit_inbound)
        return limiter

    def define(self, name: str, rate: str) -> None:
        """Add a limit such as ``100/minute`` or ``5 per 2 hours``.

        Raises:
            ValueError: The name is taken, or the rate cannot be read.
        """
        if name in self._items:
            raise ValueError(f"there is a limit {name!r} already")
        self._items[name] = parse(rate)

    def known(self, name: str) -> bool:
        """Tell whether a limit of this name exists."""
        return name in self._items

    def limited(self, name: str) -> bool:
        """Tell whether hits on ``name`` are counted at all."""
        return self._enabled and self._items[name] is not None

    async def hit(self, name: str, *key: str) -> Verdict | None:
        """Count one hit of ``key`` and return what it did; None where nothing is limited.

        Args:
            name: A defined limit.
            key: Who is limited: an address, a user, an address and an e-mail address, …
        """
        item = self._items[name]
        if item is None or not self._enabled:
            return None
        # What the library's FixedWindowRateLimiter does, in two calls of the storage instead of three.
        counter = item.key_for(name, *key)
        count = await self._storage.incr(counter, item.get_expiry())
        end = await self._storage.get_expiry(counter)
        return Verdict(item.amount, max(0, item.amount - count), end, count <= item.amount)

    async def check(self, name: str, *key: str) -> None:
        """Count one hit and go on only when it is within the limit.

        Raises:
            RateLimited: It is not.
        """
        verdict = await self.hit(name, *key)
        if verdict is not None:
            verdict.require()
