"""Which paths belong to whom: the longest matching prefix owns a path, whole segments only."""

from __future__ import annotations

import re
from collections.abc import Iterable

_VARIABLE = re.compile(r"<[^<>]*>")


def anonymous(path: str) -> str:
    """Return a route's path with its variables' names left out: what two equal routes share."""
    return _VARIABLE.sub("<>", path)


def covers(prefix: str, path: str) -> bool:
    """Tell whether ``path`` lies under ``prefix``: ``/api/session`` does not cover ``/api/sessions``."""
    return path == prefix or path.startswith(prefix + "/")


def nearest(prefixes: Iterable[str], path: str) -> str | None:
    """Return the longest of the prefixes that cover ``path``."""
    return max((prefix for prefix in prefixes if covers(prefix, path)), key=len, default=None)


def reaches_into(path: str, prefix: str) -> bool:
    """Tell whether some path that the route ``path`` matches lies under ``prefix``, variables considered."""
    steps, wanted = path.split("/"), prefix.split("/")
    return len(steps) >= len(wanted) and all(
        "<" in step or step == want for step, want in zip(steps, wanted, strict=False)
    )


def topics_meet(one: str, other: str) -> bool:
    """Tell whether some topic matches both patterns; a variable (``{name}``) is one part between colons."""
    left, right = one.split(":"), other.split(":")
    return len(left) == len(right) and all(
        a == b or "{" in a or "{" in b for a, b in zip(left, right, strict=True)
    )
