"""The delivery engine of a process: one drain for each shard that is woken here and not drained elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

import structlog

from rallypoint.events.outbox import Outbox
from rallypoint.jobs.api import Jobs
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.leases import LeaseLost, Leases
from rallypoint.webhooks.bodies import Renderer
from rallypoint.webhooks.drain import LEASE_SECONDS, Drain
from rallypoint.webhooks.kinds import Kinds
from rallypoint.webhooks.ledger import DISABLED, Ledger
from rallypoint.webhooks.queue import DRAIN
from rallypoint.webhooks.reading import Reader
from rallypoint.webhooks.retry import RetryPolicy
from rallypoint.webhooks.sender import Sender
from rallypoint.webhooks.targets import SecretBox
from rallypoint.webhooks.tools import Tools
from rallypoint.webhooks.turns import never

_SWEEP_SECONDS = 2.0
_HELD_ELSEWHERE_MS = 500
_AFTER_ERROR_MS = 2_000
_log = structlog.stdlib.get_logger("rallypoint.webhooks")


class Deliveries:
    """Sends what is due; wake it with the task ``webhooks.drain`` and a shard as key.

    Args:
        database: Where the rows are.
        jobs: Wakes this, at once or when a retry is due.
        leases: One process drains a shard at a time.
        outbox: Takes ``webhook.disabled``.
        vault: Decrypts the targets' secrets.
        settings: Timeouts, retries, and whether private targets are allowed.
        renderers: Bodies by kind of target; the event's own for any other kind.
        busy: Whether requests wait for this event loop, so that posts make way.

    Attributes:
        kinds: Of targets that plugins look after.
    """

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        leases: Leases,
        outbox: Outbox,
        vault: SecretBox,
        settings: Settings,
        renderers: Mapping[str, Renderer] = MappingProxyType({}),
        busy: Callable[[], bool] = never,
    ) -> None:
        self._database, self._jobs, self._leases = database, jobs, leases
        self.kinds = Kinds()
        self._tools = Tools(
            reader=Reader(database, vault),
            ledger=Ledger(database, outbox),
            sender=Sender(
                allow_private=settings.allow_private_targets, timeout=settings.webhook_timeout, busy=busy
            ),
            leases=leases,
            policy=RetryPolicy.of(settings),
            renderers=renderers,
            kinds=self.kinds,
            disable_after=round(settings.webhook_disable_after * 1000),
        )
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._drains: dict[int, Drain] = {}
        self._again: set[int] = set()
        self._stopping = False
        outbox.declare([DISABLED])
        jobs.handle(DRAIN, self._wake)
        jobs.every(_SWEEP_SECONDS, "webhooks.sweep", self._sweep)

    async def stop(self, grace: float) -> None:
        """Let what is in flight finish within ``grace`` seconds, write it down and give the shards up."""
        self._stopping = True
        self._again.clear()
        for drain in self._drains.values():
            drain.stop(grace)
        await self.idle()
        await self._tools.sender.close()

    def forget(self, target_id: str) -> None:
        """Send nothing more to a removed target from this process; others see it within a quarter second."""
        for drain in self._drains.values():
            drain.forget(target_id)

    async def idle(self) -> None:
        """Wait until nothing is due and everything is written down."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    def poke(self, shard: int) -> None:
        """Drain a shard, or have its running drain look again. Never blocks."""
        drain = self._drains.get(shard)
        if drain is not None and not drain.over:
            drain.poke()
        elif not self._stopping:
            self._again.add(shard)
            if shard not in self._tasks:
                self._tasks[shard] = asyncio.create_task(self._serve(shard), name=f"{DRAIN}/{shard}")

    async def _wake(self, key: str) -> None:
        """Poke and return at once: a job that waited for slow receivers would delay those who answer."""
        self.poke(int(key))

    async def _sweep(self) -> None:
        """Find what wake-ups missed, and retries that are due."""
        for row in await self._database.fetch(
            "SELECT DISTINCT shard FROM webhook_lanes WHERE next_at <= ?", clock.now()
        ):
            self._jobs.wake(DRAIN, str(row["shard"]))

    async def _serve(self, shard: int) -> None:
        try:
            while shard in self._again:
                self._again.discard(shard)
                await self._drain(shard)
        except LeaseLost:
            self._jobs.wake_at(clock.now() + _HELD_ELSEWHERE_MS, DRAIN, str(shard))
        except Exception:
            _log.exception("a drain failed; it is started again", shard=shard)
            self._jobs.wake_at(clock.now() + _AFTER_ERROR_MS, DRAIN, str(shard))
        finally:
            self._drains.pop(shard, None)
            del self._tasks[shard]

    async def _drain(self, shard: int) -> None:
        lease = await self._leases.acquire(f"{DRAIN}/{shard}", LEASE_SECONDS)
        if lease is None:
            return  # its holder looks again, every quarter of a second and when it ends
        drain = self._drains[shard] = Drain(shard, lease, self._tools)
        await drain.run()
        if await self._leases.release(drain.lease):
            self._jobs.wake(DRAIN, str(shard))
        again = await self._tools.reader.next_due(shard)
        if again is not None and not self._stopping:
            self._jobs.wake_at(again, DRAIN, str(shard))
