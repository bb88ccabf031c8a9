"""Times as Zoom writes them, and as events show them."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def zoom_time(at: int) -> str:
    """Render milliseconds as Zoom takes them: whole seconds, UTC."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(at: int) -> str:
    """Render milliseconds as RFC 3339 UTC with three digits."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: object) -> int | None:
    """Return a time of Zoom's in milliseconds; None when it is none."""
    try:
        parsed = datetime.fromisoformat(str(text))
        return round(parsed.timestamp() * 1000) if parsed.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def now() -> int:
    """Return the present in milliseconds."""
    return time.time_ns() // 1_000_000
