"""python-socketio without Redis's client, which it imports for its own managers wherever one is installed.

We use none of those managers, and the client costs a single-process server a tenth of a second and several
megabytes at its start. Import ``socketio`` from here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Have modules look as if they were not installed, unless they are loaded already.

    Args:
        names: Of top-level modules.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # makes an import fail
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with absent("redis", "valkey"):
    import socketio

__all__ = ["socketio"]
