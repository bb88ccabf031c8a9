"""The pace of one service's calls: this process's share of so many a second, fairly among those who call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from rallypoint.errors import RetryLater

PATIENCE = 20.0
"""Seconds that a call waits for its turn at most; who would wait longer is told to come again."""
_BURST = 0.05
"""Share of a second's calls that may go at once; the rest is spread, so that no second has more than its number."""


class Paced(RetryLater):
    """So many calls wait for a service's pace that this one should come again; nothing is wrong."""


class Pace:
    """A token bucket whose queue goes round the callers, so that one with much to do holds up nobody else.

    Args:
        per_second: Calls in any second, at most, of all processes together.
        patience: Seconds that a call waits at most.
        clock: Monotonic seconds; the event loop's when left out.
    """

    def __init__(
        self, per_second: float, *, patience: float = PATIENCE, clock: Callable[[], float] | None = None
    ) -> None:
        if not per_second > 0:
            raise ValueError("requests_per_second must be above zero")
        self._per_second, self._patience = per_second, patience
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self.share(1.0)
        self._level, self._filled_at = self._burst, float("-inf")
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    def share(self, part: float) -> None:
        """Make no more than ``part`` of the calls from now on, of 1 for those of all processes."""
        mine = self._per_second * part
        self._rate, self._burst = mine * (1 - _BURST), max(1.0, mine * _BURST)

    async def turn(self, caller: str) -> None:
        """Return when ``caller`` may make a call.

        Raises:
            Paced: So many wait already that it would take longer than a call may wait.
        """
        self._fill()
        if not self._waiting and self._level >= 1:
            self._level -= 1
            return
        wait = (self._waiting + 1 - self._level) / self._rate
        if wait > self._patience:
            raise Paced("too many calls wait for this service's pace", after=wait)
        await self._queue(caller)

    async def _queue(self, caller: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(mine)
        self._waiting += 1
        self._arm()
        try:
            await mine
        except asyncio.CancelledError:
            self._leave(caller, mine)
            raise

    def _leave(self, caller: str, mine: asyncio.Future[None]) -> None:
        """Give the place, or the turn that came too late to be used, to the next one."""
        if mine in self._queues.get(caller, ()):
            self._queues[caller].remove(mine)
            self._waiting -= 1
            if not self._queues[caller]:
                del self._queues[caller]
        elif mine.done() and not mine.cancelled():
            self._level += 1
            self._arm()

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self._burst, self._level + max(0.0, now - self._filled_at) * self._rate)
        self._filled_at = now

    def _arm(self) -> None:
        if self._timer is None and self._waiting:
            delay = max(0.0, (1 - self._level) / self._rate)
            self._timer = asyncio.get_running_loop().call_later(delay, self._release)

    def _release(self) -> None:
        self._timer = None
        self._fill()
        while self._waiting and self._level >= 1 - 1e-9:
            mine = self._next()
            if not mine.done():  # its caller may have been cancelled in this very step of the loop
                mine.set_result(None)
                self._level -= 1
        self._arm()

    def _next(self) -> asyncio.Future[None]:
        """Take the first caller's first call, and put that caller behind the others."""
        caller, queue = next(iter(self._queues.items()))
        del self._queues[caller]
        mine = queue.popleft()
        if queue:
            self._queues[caller] = queue
        self._waiting -= 1
        return mine
