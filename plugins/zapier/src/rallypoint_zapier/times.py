"""Times as integrations.md shows them."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def moment(at: int) -> str:
    """Render milliseconds as RFC 3339 UTC with three digits."""
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def now() -> int:
    """Return the present in milliseconds."""
    return time.time_ns() // 1_000_000
