"""A circuit breaker for each provider, so that one that is down costs neither time nor sockets."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Opens after failures in a row; then one call at a time probes until one succeeds.

    Args:
        threshold: Failures in a row that open it.
        cooldown: Seconds between probes while it is open.
        clock: Monotonic seconds.
    """

    def __init__(
        self, threshold: int = 5, cooldown: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._cooldown = cooldown
        self._clock = clock
        self._failures = 0
        self._next_probe = 0.0

    def wait(self) -> float:
        """Return 0 when a call may be made now, else the seconds until one may.

        While open, an answer of 0 is the permission for the one probe of this cooldown.
        """
        if self._failures < self._threshold:
            return 0.0
        left = self._next_probe - self._clock()
        if left > 0:
            return left
        self._next_probe = self._clock() + self._cooldown
        return 0.0

    def succeeded(self) -> None:
        """Close: the provider answered, whatever it said."""
        self._failures = 0

    def failed(self) -> None:
        """Count a call that found the provider away or broken."""
        self._failures += 1
        if self._failures >= self._threshold:
            self._next_probe = self._clock() + self._cooldown
