"""The scheduling of one queue: single flight for each key, and a bound on how much runs at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

Job = tuple[str, str]


class Lane:
    """Jobs of one queue, first come first served.

    A job that is added while it runs, or while it is held back after a failure, runs once more afterwards.

    Args:
        places: How many may run at once.
        begin: Starts a job; its task returns the seconds for which the job is then held back and run again,
            0 when there is nothing to repeat.
    """

    def __init__(self, places: int, begin: Callable[[Job], asyncio.Task[float]]) -> None:
        self._places = places
        self._begin = begin
        self._ready: dict[Job, None] = {}
        self._running: dict[Job, asyncio.Task[float]] = {}
        self._held: dict[Job, asyncio.TimerHandle] = {}
        self._again: set[Job] = set()
        self._filling = False
        self._closed = False

    def add(self, job: Job) -> None:
        """Run ``job`` as soon as it may and there is a place."""
        if job in self._running or job in self._held:
            self._again.add(job)
        else:
            self._line_up(job)

    def close(self) -> set[asyncio.Task[float]]:
        """Begin nothing more and return what runs."""
        self._closed = True
        self._ready.clear()
        for timer in self._held.values():
            timer.cancel()
        self._held.clear()
        return set(self._running.values())

    def _line_up(self, job: Job) -> None:
        self._ready[job] = None
        if not self._filling:  # in the next step of the loop, so that duplicates made in this one are one run
            self._filling = True
            asyncio.get_running_loop().call_soon(self._fill)

    def _fill(self) -> None:
        self._filling = False
        while self._ready and len(self._running) < self._places and not self._closed:
            job = next(iter(self._ready))
            del self._ready[job]
            task = self._running[job] = self._begin(job)
            task.add_done_callback(partial(self._finished, job))

    def _finished(self, job: Job, done: asyncio.Task[float]) -> None:
        del self._running[job]
        hold = 0.0 if done.cancelled() else done.result()
        if hold and not self._closed:
            self._again.add(job)
            self._held[job] = asyncio.get_running_loop().call_later(hold, self._release, job)
        elif job in self._again:
            self._again.discard(job)
            self._line_up(job)
        if self._ready:
            self._fill()

    def _release(self, job: Job) -> None:
        del self._held[job]
        self._again.discard(job)
        self._line_up(job)
