"""Time: integer milliseconds since the epoch, UTC, everywhere below the wire; RFC 3339 with ``Z`` on it.

Integers compare and index alike in both databases and need no parsing on hot paths.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def now() -> int:
    """Return the present in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def from_datetime(moment: datetime) -> int:
    """Return an aware ``datetime`` as milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def rfc3339(at: int) -> str:
    """Render milliseconds as RFC 3339 UTC; whole seconds carry no fraction, as the documents show them."""
    seconds, fraction = divmod(at, 1000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{fraction:03d}Z" if fraction else f"{stamp}Z"


def rfc3339_or_none(at: int | None) -> str | None:
    """Render a time that may be absent."""
    return None if at is None else rfc3339(at)
