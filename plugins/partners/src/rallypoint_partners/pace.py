"""Keeps calls to a partner under its limit."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from rallypoint.sdk import RetryLater

_WINDOW = 60.0
_PATIENCE = 2.0


class Pace:
    """At most so many calls in any minute; a short wait is waited out, a long one is for later.

    Args:
        per_minute: Calls.
        clock: Monotonic seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls: deque[float] = deque(maxlen=per_minute)
        self._clock = clock

    async def turn(self) -> None:
        """Return when a call may be made.

        Raises:
            RetryLater: That would take longer than two seconds.
        """
        wait = self._wait()
        if wait > _PATIENCE:
            raise RetryLater("the partner's request limit is used up", after=wait)
        self._calls.append(self._clock() + wait)
        await asyncio.sleep(wait)

    def _wait(self) -> float:
        if len(self._calls) < (self._calls.maxlen or 1):
            return 0.0
        return max(0.0, self._calls[0] + _WINDOW - self._clock())
