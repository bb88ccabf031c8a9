"""What was said of a path: by its longest prefix of whole segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def longest(by_prefix: Mapping[str, T], path: str) -> T | None:
    """Return what the longest prefix of ``path`` has, the whole path included; None when no prefix is there.

    Args:
        by_prefix: Each begins with a slash and ends without one (``/api/v1/rooms``).
        path: Of a request.
    """
    while path:
        if (found := by_prefix.get(path)) is not None:
            return found
        path = path.rpartition("/")[0]
    return None
