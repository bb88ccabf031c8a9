"""How long work that failed waits, for work that is not a webhook delivery (those have settings of their own)."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 3600.0


def backoff(attempts: int, after: float | None = None) -> int:
    """Return the milliseconds to wait after ``attempts`` failures: doubling, with jitter, an hour at most.

    Args:
        attempts: One or more.
        after: Seconds that the other side asked for; honoured up to the same bound.
    """
    wait = FIRST_SECONDS * 2.0 ** min(attempts - 1, 32) * random.uniform(0.8, 1.2)
    return round(1000 * min(max(wait, after or 0.0), LONGEST_SECONDS))
