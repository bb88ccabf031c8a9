"""Everything that a server process shares through Redis, put together."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from rallypoint.redis.bus import RedisBus
from rallypoint.redis.limits import SharedWindows
from rallypoint.redis.link import Link
from rallypoint.settings import Settings
from rallypoint.storage.database import Database


class Sharing:
    """The link, and what stands on it.

    Args:
        settings: With ``redis_url``.
        database: With the outbox, from which missed events are read.

    Attributes:
        bus: For the hub and for revocations.
        windows: For the limiter.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._link = Link(settings.redis_url, settings.redis_prefix)
        self.bus = RedisBus(self._link, database)
        self.windows = SharedWindows(self._link, settings.redis_url)

    @property
    def up(self) -> bool:
        """Whether Redis can be used now."""
        return self._link.up

    def measure(self, registry: CollectorRegistry) -> None:
        """Add the figure ``rallypoint_redis_up``."""
        gauge = Gauge(
            "rallypoint_redis_up",
            "1 while Redis can be used, 0 while this process is alone",
            registry=registry,
        )
        gauge.set_function(lambda: float(self.up))

    async def open(self) -> None:
        """Begin; a Redis that is away does not keep the server from starting."""
        await self.bus.open()

    async def close(self) -> None:
        """Stop."""
        await self.bus.close()
        await self.windows.close()
