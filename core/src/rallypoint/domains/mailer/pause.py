"""What is known of the transport: while it takes nothing, one message at a time asks whether it is back."""

from __future__ import annotations

import random
import time

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 300.0


class Pause:
    """The waits of one process while the transport is away: doubling, with jitter, five minutes at most."""

    def __init__(self) -> None:
        self._until = 0.0
        self._failures = 0
        self.reason = ""
        """Why it is away; empty while it is not."""

    @property
    def left(self) -> float:
        """Seconds until the next message may be tried; 0 when one may now."""
        return max(0.0, self._until - time.monotonic())

    @property
    def probing(self) -> bool:
        """Whether one message alone is to be tried."""
        return self._failures > 0

    def failed(self, reason: str, after: float | None = None) -> float:
        """Begin a wait, unless one is under way, and return its seconds.

        Args:
            reason: For the operator.
            after: Seconds that the provider asked for.
        """
        if not self.left:
            self._failures += 1
            wait = FIRST_SECONDS * 2.0 ** min(self._failures - 1, 16) * random.uniform(0.8, 1.2)
            self._until = time.monotonic() + min(max(wait, after or 0.0), LONGEST_SECONDS)
            self.reason = reason
        return self.left

    def succeeded(self) -> None:
        """End the waits: the transport answered."""
        self._until, self._failures, self.reason = 0.0, 0, ""
