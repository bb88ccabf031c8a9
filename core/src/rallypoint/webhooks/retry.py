"""When a failed delivery is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rallypoint.settings import Settings

_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter.

    Args:
        retries: After the first try.
        base: Seconds before the first retry; doubles each time.
        longest: Longest wait in seconds, that of ``Retry-After`` included.
    """

    retries: int
    base: float
    longest: float

    @classmethod
    def of(cls, settings: Settings) -> RetryPolicy:
        """Return the policy of the settings."""
        return cls(settings.webhook_retries, settings.webhook_retry_base, settings.webhook_retry_max)

    def exhausted(self, attempts: int) -> bool:
        """Tell whether no retry is left after ``attempts`` tries."""
        return attempts > self.retries

    def delay(self, attempts: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait after ``attempts`` failed tries.

        Args:
            attempts: One or more.
            retry_after: What the receiver asked for; it only ever lengthens the wait.
        """
        wait = self.base * 2.0 ** min(attempts - 1, 32) * random.uniform(1 - _JITTER, 1 + _JITTER)
        return min(max(wait, retry_after or 0.0), self.longest)
