"""The task engine of the scaled-out column: wake-ups travel through Procrastinate, on PostgreSQL.

Procrastinate hands each job to one of the processes that read its queue, and keeps it until that one is done.
Running is the embedded engine's work in every process: places, single flight for each key, backoff, timers.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

import structlog

from rallypoint.jobs.api import JobHandler
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.jobs.lane import Job
from rallypoint.jobs.schema import prepare
from rallypoint.jobs.timekeeper import Timekeeper
from rallypoint.jobs.wakeups import WakeUps
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases

if TYPE_CHECKING:
    from rallypoint.jobs.queues import Queues

RESCUE_SECONDS = 10.0
_RING = "jobs.ring"
_RESCUE = "jobs.rescue"
_PASS_ON_MS = 250
_LONGEST_NAME = 128
_log = structlog.stdlib.get_logger("rallypoint.jobs")


class ProcrastinateJobs:
    """Fulfils :class:`rallypoint.jobs.api.Jobs` over any number of processes on one database.

    A timer (``wake_at``) lives in the process that set it. A key is single flight within each process; over all
    of them exclusivity is a lease's work, in the handler.

    Args:
        database: PostgreSQL; open by the time of :meth:`start`.
        leases: Decide which process does the periodic work.
        runs: Whether this process runs jobs, or only wakes those that do.
        queues: The queues to read; all that have a handler here when empty.
        concurrency: Jobs that run at once, for each queue.
    """

    def __init__(
        self,
        database: Database,
        leases: Leases,
        *,
        runs: bool = True,
        queues: Collection[str] = (),
        concurrency: int = 16,
    ) -> None:
        self._database, self._leases = database, leases
        self._runs, self._only = runs, frozenset(queues)
        self._concurrency = concurrency
        self._here = EmbeddedJobs(concurrency=concurrency)
        self._queue_of: dict[str, str] = {}
        self._local: set[str] = set()
        self._periodic: set[str] = set()
        self._running: dict[Job, asyncio.Event] = {}
        self._failing: set[Job] = set()
        self._stopped = False
        self._wakeups = WakeUps(database, self._queue_of)
        self._timekeeper = Timekeeper(leases, self._begin_periodic)
        self._queues: Queues | None = None
        self._here.handle(_RING, self._ring, queue="jobs")
        self.every(RESCUE_SECONDS, _RESCUE, self._rescue)

    def handle(self, task: str, handler: JobHandler, *, queue: str = "core", local: bool = False) -> None:
        """Register ``handler(key)`` under ``task``.

        Raises:
            ValueError: The name is taken, or longer than Procrastinate's 128 characters.
        """
        self._name(task, queue)
        if local:
            self._local.add(task)
            self._here.handle(task, handler, queue="jobs")
        elif self._reads(queue):
            self._here.handle(task, self._watched(task, handler), queue=queue)

    def every(
        self, seconds: float, task: str, handler: Callable[[], Awaitable[None]], *, queue: str = "core"
    ) -> None:
        """Run ``handler`` every ``seconds`` in one of the processes that read ``queue``."""
        self._name(task, queue)
        if not self._reads(queue):
            return

        async def run(_key: str = "") -> None:
            if self._timekeeper.holds(queue):
                await handler()

        self._periodic.add(task)
        self._timekeeper.add(queue)
        watched = self._watched(task, run)
        self._here.every(seconds, task, lambda: watched(""), queue=f"{queue}/clock")

    def wake(self, task: str, key: str = "") -> None:
        """Have the handler of ``task`` run for ``key`` soon, in whichever process; from the event loop's thread."""
        if task in self._local or self._keeps(task):
            self._here.wake(task, key)
        else:
            self._wakeups.add((task, key))

    def wake_at(self, at: int, task: str, key: str = "") -> None:
        """Wake it at ``at`` (ms), from this process; an earlier time for the same task and key wins."""
        self._here.wake_at(at, _RING, f"{task}\n{key}")

    async def start(self) -> None:
        """Begin to wake, and to run jobs where that is this process's part."""
        await prepare(self._database)
        await self._here.start()
        await self._wakeups.start()
        if self._runs:
            await self._read()
        await self._timekeeper.start()

    async def _read(self) -> None:
        from rallypoint.jobs.queues import Queues  # imports Procrastinate, which other processes do without

        self._queues = Queues(self._database.url, self._perform, concurrency=self._concurrency)
        read = [(task, queue) for task, queue in self._queue_of.items() if self._is_read(task, queue)]
        await contextvars.Context().run(asyncio.create_task, self._queues.start(read))

    async def stop(self, grace: float) -> None:
        """Begin nothing more, let what runs finish within ``grace`` seconds, then cancel it."""
        if self._queues is not None:
            self._queues.end()
        await self._timekeeper.stop()
        await self._here.stop(grace)
        self._stopped = True
        for job, ended in self._running.items():  # never begun: for another process
            self._wakeups.add(job)
            ended.set()
        if self._queues is not None:
            await self._queues.close()
            self._queues = None
        await self._wakeups.stop()

    def _name(self, task: str, queue: str) -> None:
        if task in self._queue_of:
            raise ValueError(f"the task {task!r} has a handler already")
        if len(task) > _LONGEST_NAME:
            raise ValueError(f"the task name {task!r} is longer than {_LONGEST_NAME} characters")
        self._queue_of[task] = queue

    def _reads(self, queue: str) -> bool:
        return self._runs and (not self._only or queue in self._only)

    def _is_read(self, task: str, queue: str) -> bool:
        return self._reads(queue) and task not in self._local

    def _keeps(self, task: str) -> bool:
        return task in self._periodic and self._timekeeper.holds(self._queue_of[task])

    def _begin_periodic(self, queue: str) -> None:
        _log.info("periodic work is done here", queue=queue)
        for task in self._periodic:
            if self._queue_of[task] == queue:
                self._here.wake(task)

    async def _ring(self, key: str) -> None:
        self.wake(*key.split("\n", 1))

    def _watched(self, task: str, handler: JobHandler) -> JobHandler:
        """Return the handler with what :meth:`_perform` needs to know of each run."""

        async def run(key: str) -> None:
            job = (task, key)
            self._failing.add(job)
            try:
                await handler(key)
                self._failing.discard(job)
            finally:
                if ended := self._running.pop(job, None):
                    ended.set()

        return run

    async def _perform(self, task: str, key: str) -> None:
        """Run a job that Procrastinate handed to this process, or see to it that it is run.

        It stays in the table until its run has ended, so that another process finds it should this one die. One
        that has to wait for an earlier run, or for a backoff, does not: waiting would use up the queue's places.
        """
        job = (task, key)
        if self._stopped:  # it was being fetched when the stop came: for another process
            self._wakeups.add(job)
        elif task in self._periodic and not self._keeps(task):
            self.wake_at(clock.now() + _PASS_ON_MS, task, key)
        elif job in self._running or job in self._failing:
            self._here.wake(task, key)
        else:
            ended = self._running[job] = asyncio.Event()
            self._here.wake(task, key)
            await ended.wait()

    async def _rescue(self) -> None:
        """Wake again what dead workers left undone, and end the leases they held."""
        await self._leases.bury()
        if self._queues is None:
            return
        for task, key in await self._queues.rescue():
            _log.warning("a dead worker's job is done again", task=task)
            self.wake(task, key)
