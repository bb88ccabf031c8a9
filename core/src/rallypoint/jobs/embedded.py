"""The task engine of the embedded default: in the server's own process and event loop.

Durability comes from the rows that handlers read; what is kept here may be lost at any time. The lock on
``DATA_DIR`` lets one process serve a folder, so "one run over all processes" is one run in this one.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable

import structlog

from rallypoint.jobs.api import JobHandler
from rallypoint.jobs.lane import Job, Lane
from rallypoint.storage import clock
from rallypoint.storage.precedence import in_background

_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 60.0
_log = structlog.stdlib.get_logger("rallypoint.jobs")


class EmbeddedJobs:
    """Fulfils :class:`rallypoint.jobs.api.Jobs` in process.

    A handler that raises is logged and run again after an exponential backoff with jitter (0.5 s to 60 s, or
    to its own period); wake-ups meanwhile wait for that. Each queue has places of its own, so that a plugin
    whose jobs hang holds up nobody else. A wake-up for a task without a handler is logged and dropped: its
    rows stay.

    Args:
        concurrency: Jobs that run at once, for each queue.
    """

    def __init__(self, *, concurrency: int = 16) -> None:
        self._concurrency = concurrency
        self._handlers: dict[str, JobHandler] = {}
        self._lane_of: dict[str, Lane] = {}
        self._lanes: dict[str, Lane] = {}
        self._periods: dict[str, float] = {}
        self._early: dict[Job, int | None] = {}
        self._timers: dict[Job, asyncio.TimerHandle] = {}
        self._failures: dict[Job, int] = {}
        self._context = contextvars.Context()
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle(
        self,
        task: str,
        handler: JobHandler,
        *,
        queue: str = "core",
        local: bool = False,  # noqa: ARG002
    ) -> None:
        """Register ``handler(key)`` under ``task``; every task is local here.

        Raises:
            ValueError: The name is taken.
        """
        if task in self._handlers:
            raise ValueError(f"the task {task!r} has a handler already")
        if queue not in self._lanes:
            self._lanes[queue] = Lane(self._concurrency, self._begin)
        self._handlers[task] = handler
        self._lane_of[task] = self._lanes[queue]

    def every(
        self, seconds: float, task: str, handler: Callable[[], Awaitable[None]], *, queue: str = "core"
    ) -> None:
        """Run ``handler`` every ``seconds``, counted from one start to the next, first at start."""

        async def run(_key: str) -> None:
            await handler()

        self.handle(task, run, queue=queue)
        self._periods[task] = seconds

    def wake(self, task: str, key: str = "") -> None:
        """Run the handler of ``task`` for ``key`` soon; from the event loop's thread."""
        job = (task, key)
        if self._loop is None:
            self._early[job] = None
        elif lane := self._lane_of.get(task):
            lane.add(job)
        else:
            _log.warning("no handler for a wake-up", task=task)

    def wake_at(self, at: int, task: str, key: str = "") -> None:
        """Run it at ``at`` (ms); an earlier time for the same task and key wins."""
        job = (task, key)
        if self._loop is None:
            known = self._early.setdefault(job, at)
            self._early[job] = None if known is None else min(at, known)
        elif at <= clock.now():
            self.wake(task, key)
        else:
            self._arm(self._loop, job, (at - clock.now()) / 1000)

    async def start(self) -> None:
        """Begin to run jobs, those woken before included."""
        # Jobs must not inherit a caller's transaction or request, and clients go before them.
        self._context = in_background(contextvars.copy_context())
        self._loop = asyncio.get_running_loop()
        early, self._early = self._early, {}
        for (task, key), at in early.items():
            self.wake(task, key) if at is None else self.wake_at(at, task, key)
        for task in self._periods:
            self.wake(task)

    async def stop(self, grace: float) -> None:
        """Begin nothing more, let what runs finish within ``grace`` seconds, then cancel it."""
        self._loop = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        running = {task for lane in self._lanes.values() for task in lane.close()}
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _arm(self, loop: asyncio.AbstractEventLoop, job: Job, delay: float) -> None:
        known = self._timers.get(job)
        when = loop.time() + delay
        if known is not None:
            if known.when() <= when:
                return
            known.cancel()
        self._timers[job] = loop.call_at(when, self._due, job, context=self._context)

    def _due(self, job: Job) -> None:
        self._timers.pop(job, None)
        self.wake(*job)

    def _begin(self, job: Job) -> asyncio.Task[float]:
        return asyncio.create_task(self._run(job), name="/".join(job), context=self._context.copy())

    async def _run(self, job: Job) -> float:
        """Run a job and return how many seconds it must not run again; 0 when it went well."""
        task, key = job
        if self._loop is not None and task in self._periods:
            self._arm(self._loop, job, self._periods[task])
        try:
            await self._handlers[task](key)
        except Exception:
            wait = self._backoff(job)
            _log.exception("a job failed", task=task, key=key, retry_in=round(wait, 1))
            return wait
        self._failures.pop(job, None)
        return 0.0

    def _backoff(self, job: Job) -> float:
        count = self._failures[job] = self._failures.get(job, 0) + 1
        longest = min(_LONGEST_BACKOFF, self._periods.get(job[0], _LONGEST_BACKOFF))
        wait: float = _FIRST_BACKOFF * 2.0 ** min(count - 1, 16)
        return min(longest, wait) * random.uniform(0.5, 1.0)
