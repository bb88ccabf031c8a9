"""How much a plugin may fail before it is quarantined."""

from __future__ import annotations

import time
from collections import deque

MAX_BUGS = 5
BUGS_WITHIN = 60.0
MAX_HANGS = 2
HANGS_WITHIN = 600.0


class Budget:
    """Recent failures of one plugin; times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._bugs: deque[float] = deque(maxlen=MAX_BUGS)
        self._hangs: deque[float] = deque(maxlen=MAX_HANGS)

    def bug(self) -> bool:
        """Count an unexpected exception; tells whether the budget is used up."""
        return _spend(self._bugs, BUGS_WITHIN)

    def hang(self) -> bool:
        """Count a timeout or a blocked loop; tells whether the budget is used up."""
        return _spend(self._hangs, HANGS_WITHIN)

    def reset(self) -> None:
        """Start afresh."""
        self._bugs.clear()
        self._hangs.clear()


def _spend(times: deque[float], within: float) -> bool:
    at = time.monotonic()
    times.append(at)
    return len(times) == times.maxlen and at - times[0] <= within
