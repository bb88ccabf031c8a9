"""A token bucket: how many events a socket may send."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic


class Bucket:
    """Allows ``burst`` events at once, ``rate`` a second on average; ``refused`` counts refusals in a row."""

    __slots__ = ("_burst", "_clock", "_left", "_rate", "_seen", "refused")

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._seen = clock()
        self.refused = 0

    def take(self) -> bool:
        """Count one event and tell whether it is allowed."""
        at = self._clock()
        self._left = min(self._burst, self._left + (at - self._seen) * self._rate)
        self._seen = at
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        self.refused = 0
        return True
