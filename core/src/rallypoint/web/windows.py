"""Counters of rate limits in this process, at a constant cost for each hit."""

from __future__ import annotations

from collections import deque
from time import time
from typing import ClassVar

from limits.aio.storage import Storage


class WindowMemory(Storage):
    """Counters of fixed windows in this process.

    The library's own memory storage walks over every key at every hit. Windows of one length end in the order
    in which they began, so a queue for each length is all that forgetting needs, at a constant cost.
    """

    STORAGE_SCHEME: ClassVar[list[str]] = ["async+rallypoint"]  # type: ignore[misc]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._windows: dict[str, tuple[int, float]] = {}
        self._ends: dict[float, deque[tuple[float, str]]] = {}

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a failing storage raises; memory does not fail."""
        return ValueError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count ``amount`` in the key's window of ``expiry`` seconds and return the sum."""
        now = time()
        window = self._windows.get(key)
        if window is None or window[1] <= now:
            self._forget(expiry, now)
            window = (0, now + expiry)
            self._ends.setdefault(expiry, deque()).append((window[1], key))
        count = window[0] + amount
        self._windows[key] = (count, window[1])
        return count

    def _forget(self, expiry: float, now: float) -> None:
        ends = self._ends.get(expiry)
        while ends and ends[0][0] <= now:
            end, key = ends.popleft()
            if key in self._windows and self._windows[key][1] == end:
                del self._windows[key]

    async def get(self, key: str) -> int:
        """Return what the key's present window has counted."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > time() else 0

    async def get_expiry(self, key: str) -> float:
        """Return when the key's window ends, in seconds since the epoch."""
        return self._windows[key][1] if key in self._windows else time()

    async def check(self) -> bool:
        """Tell whether the storage works."""
        return True

    async def clear(self, key: str) -> None:
        """Begin the key's window anew."""
        self._windows.pop(key, None)

    async def reset(self) -> int | None:
        """Forget everything and return how many keys that were."""
        count = len(self._windows)
        self._windows.clear()
        self._ends.clear()
        return count
