"""Shares the event loop: posts begin a few at a time, and one by one while requests are being answered."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

_REST_SECONDS = 0.001
_LONGEST_REST = 0.05
_TIMES_LATE = 4


def never() -> bool:
    """Tell that nobody is waiting for anything else on this loop."""
    return False


class Turns:
    """A gate that lets ``most`` through in each turn of the event loop, first come first served.

    Receivers that answer at once would otherwise have every post under way go on in the same turn; a request takes
    a dozen turns, and each would be as long as all those posts. While ``busy``, one goes through and the loop may
    then rest: a transaction is a dozen steps between the loop and SQLite's thread, each of which would else wait
    for a core and for the interpreter's lock. A rest is a millisecond, and longer by four times what the loop was
    late for the end of the one before: requests come first where there is too little of the machine for both, and
    a process that only waits for others still begins hundreds of posts a second. No rest is longer than a
    twentieth of a second, so that posts go on however busy the process is. What waits for slow receivers is not
    limited.

    Args:
        most: Let through in one turn.
        busy: Whether others wait for this event loop.
    """

    def __init__(self, most: int, busy: Callable[[], bool] = never) -> None:
        self._most, self._busy = most, busy
        self._left = 0
        self._armed = False
        self._rest = _REST_SECONDS
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn with a place left."""
        if not self._armed:
            self._begin()
        if self._left:
            self._left -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await place

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._armed = True
        if self._busy():
            self._left = 1
            # Of this clock, since uvloop's own counts whole milliseconds.
            loop.call_later(self._rest, self._rested, time.monotonic() + self._rest)
        else:
            self._left = self._most
            loop.call_soon(self._next)

    def _rested(self, due: float) -> None:
        late = max(0.0, time.monotonic() - due)
        self._rest = min(_REST_SECONDS + _TIMES_LATE * late, _LONGEST_REST)
        self._next()

    def _next(self) -> None:
        self._armed = False
        if not self._waiting:
            return
        self._begin()
        while self._waiting and self._left:
            place = self._waiting.popleft()
            if not place.done():  # else whoever waited was cancelled
                place.set_result(None)
                self._left -= 1
