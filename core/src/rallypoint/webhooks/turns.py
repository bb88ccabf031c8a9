"""Shares the event loop: a few posts begin in each of its turns, so that requests need not wait for a hundred."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """A gate that lets ``most`` through in each turn of the event loop, first come first served.

    Receivers that answer at once would otherwise have every post under way go on in the same turn; a request takes
    a dozen turns, and each would be as long as all those posts. What waits for slow receivers is not limited.

    Args:
        most: Let through in one turn.
    """

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn with a place left."""
        loop = asyncio.get_running_loop()
        if self._left == self._most:
            loop.call_soon(self._next)
        if self._left:
            self._left -= 1
            return
        place = loop.create_future()
        self._waiting.append(place)
        await place

    def _next(self) -> None:
        self._left = self._most
        while self._waiting and self._left:
            place = self._waiting.popleft()
            if not place.done():  # else whoever waited was cancelled
                place.set_result(None)
                self._left -= 1
        if self._left < self._most:
            asyncio.get_running_loop().call_soon(self._next)
