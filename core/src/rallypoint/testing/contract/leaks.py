"""What a process holds on to: tasks, threads and sockets."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
_EXECUTOR = "asyncio_"


def remains() -> dict[str, int]:
    """Return what is alive in this process besides the calling task, by kind and name, each with its number.

    Threads of the loop's own executor are left out: they wait for the next piece of work. Sockets are counted
    where the system lists descriptors (Linux).
    """
    tasks = Counter(f"task {_name(task)}" for task in asyncio.all_tasks() - {asyncio.current_task()})
    threads = Counter(
        f"thread {thread.name}"
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.name.startswith(_EXECUTOR)
    )
    return {**tasks, **threads, "sockets": _sockets()}


def _name(task: asyncio.Task[object]) -> str:
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", task.get_name())


def _sockets() -> int:
    if not _DESCRIPTORS.is_dir():
        return 0
    return sum(_target(link).startswith("socket:") for link in _DESCRIPTORS.iterdir())


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # the descriptor that listed the folder
        return ""
