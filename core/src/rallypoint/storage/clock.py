"""Time: integer milliseconds since the epoch, UTC, everywhere below the wire; RFC 3339 with ``Z`` on it.

Integers compare and index alike in both databases and need no parsing on hot paths.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TOLERANCE = 100
"""Milliseconds by which processes of one server may disagree."""

_EPOCH = datetime(1970, 1, 1)  # naive: a zone would cost time to render and is always the same


class _Offset:
    """How far the clock that all processes share is ahead of this machine's, in milliseconds."""

    ahead = 0


def now() -> int:
    """Return the present in milliseconds since the epoch, by the clock that all processes share."""
    return time.time_ns() // 1_000_000 + _Offset.ahead


def follow(at: int) -> int:
    """Take ``at`` for the present from now on, and return by how much that moves the clock (ms).

    Moves of less than :data:`TOLERANCE` are left out: they are the way to the other clock and back.
    """
    moved = at - now()
    if abs(moved) < TOLERANCE:
        return 0
    _Offset.ahead += moved
    return moved


def from_datetime(moment: datetime) -> int:
    """Return an aware ``datetime`` as milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


@lru_cache(maxsize=4096)
def rfc3339(at: int) -> str:
    """Render milliseconds as RFC 3339 UTC; whole seconds carry no fraction, as the documents show them.

    Remembered, because rows are shown far more often than they change, and times were a quarter of a list's cost.
    """
    moment = _EPOCH + timedelta(milliseconds=at)
    return f"{moment.isoformat(timespec='milliseconds' if at % 1000 else 'seconds')}Z"


def rfc3339_ms(at: int) -> str:
    """Render milliseconds as RFC 3339 UTC with its three digits, as integrations.md shows every time."""
    return f"{(_EPOCH + timedelta(milliseconds=at)).isoformat(timespec='milliseconds')}Z"


def rfc3339_or_none(at: int | None) -> str | None:
    """Render a time that may be absent."""
    return None if at is None else rfc3339(at)
