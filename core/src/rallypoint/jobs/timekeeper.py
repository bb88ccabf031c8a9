"""Decides which process does the periodic work of a queue: the holder of that queue's lease.

One renewal every few seconds serves all periodic tasks of a queue, however often they run; a lease for each run
would cost every process several transactions a second while nothing happens.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable

import structlog

from rallypoint.storage.leases import Lease, Leases

LEASE_SECONDS = 8.0
BEAT_SECONDS = 15.0
"""Seconds after which a process that says nothing counts as dead."""
_RENEW_SECONDS = 2.0
_SAFETY_SECONDS = 1.0
_log = structlog.stdlib.get_logger("rallypoint.jobs")


class Timekeeper:
    """One process's share in the periodic work; also says that the process lives.

    Args:
        leases: Where the processes agree.
        gained: Called with a queue whose periodic work is this process's from now on.
    """

    def __init__(self, leases: Leases, gained: Callable[[str], None]) -> None:
        self._leases, self._gained = leases, gained
        self._held: dict[str, tuple[Lease, float] | None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, queue: str) -> None:
        """Stand for a queue, before :meth:`start`."""
        self._held[queue] = None

    def holds(self, queue: str) -> bool:
        """Tell whether this process may begin periodic work of ``queue`` now."""
        held = self._held.get(queue)
        return held is not None and time.monotonic() < held[1]

    async def start(self) -> None:
        """Stand for every queue that was added; this process is known to live when it returns."""
        await self._leases.beat(BEAT_SECONDS)
        self._task = asyncio.create_task(self._run(), name="jobs.clock", context=contextvars.Context())

    async def stop(self) -> None:
        """Leave the work to others at once."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        held = [held[0] for held in self._held.values() if held is not None]
        self._held = dict.fromkeys(self._held)
        for lease in held:
            try:
                await self._leases.release(lease)
            except Exception as error:
                _log.warning("periodic work is left to others late", error=repr(error))

    async def _run(self) -> None:
        while True:
            try:
                await self._leases.beat(BEAT_SECONDS)
                for queue in self._held:
                    await self._stand(queue)
            except Exception as error:
                _log.warning("this process cannot say that it lives", error=repr(error))
            await asyncio.sleep(_RENEW_SECONDS)

    async def _stand(self, queue: str) -> None:
        """Acquire, which for the holder is to renew."""
        begun, held = time.monotonic(), self.holds(queue)
        lease = await self._leases.acquire(f"jobs.clock/{queue}", LEASE_SECONDS)
        self._held[queue] = None if lease is None else (lease, begun + LEASE_SECONDS - _SAFETY_SECONDS)
        if lease is not None and not held:
            self._gained(queue)
