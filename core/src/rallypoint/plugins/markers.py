"""Crash markers: who was being loaded when the process died, so that the next start leaves it out."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "loading"


class CrashMarkers:
    """A folder with one small file for each plugin that took a process down, holding its version.

    Loading is serialised between processes by a lock on the folder, which the kernel releases when its holder
    dies: a marker found under the lock is therefore one that nobody came back to remove.

    Args:
        folder: Made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def watch(self, name: str, version: str) -> Iterator[bool]:
        """Mark ``name`` while the block runs; yields whether an earlier run of this version never came back.

        The marker of a crash stays until the version changes or :meth:`forget` is called.
        """
        with self._lock():
            marker = self._folder / name
            if marker.exists() and marker.read_text() == version:
                yield True
                return
            marker.write_text(version)
            try:
                yield False
            finally:
                marker.unlink(missing_ok=True)

    def forget(self, name: str) -> bool:
        """Give a plugin another chance at the next start; tells whether there was a marker."""
        marker = self._folder / name
        found = marker.exists()
        marker.unlink(missing_ok=True)
        return found

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
