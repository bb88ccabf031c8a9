"""Wake-ups on their way into Procrastinate's table: collected without waiting, written in small batches.

Procrastinate's own way to defer a batch is one plain INSERT: a single duplicate aborts all of it, and duplicates
are the rule here. So this inserts by itself, and lets the table's queueing lock drop what is queued already.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping

import orjson
import structlog

from rallypoint.jobs.lane import Job
from rallypoint.storage.database import Database

_BATCH = 100
_MOST = 10_000
_RETRY_SECONDS = 0.5
_INSERT = (
    "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)"
    " SELECT queue, task, lock, CAST(args AS jsonb) FROM unnest(CAST(? AS text[]), CAST(? AS text[]),"
    " CAST(? AS text[]), CAST(? AS text[])) AS woken (queue, task, lock, args)"
    " ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING"
)
_log = structlog.stdlib.get_logger("rallypoint.jobs")


class WakeUps:
    """What one process wants to be run, by whichever process reads the queue.

    Nothing here survives a kill, and beyond 10,000 jobs that wait for an absent database more are dropped: the
    sweeps over the rows find what was to be done.

    Args:
        database: Open by the time of :meth:`start`.
        queues: The queue of each task; one that is not in it is dropped with a warning.
    """

    def __init__(self, database: Database, queues: Mapping[str, str]) -> None:
        self._database, self._queues = database, queues
        self._waiting: dict[Job, None] = {}
        self._signal = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, job: Job) -> None:
        """Have ``job`` queued soon."""
        if len(self._waiting) < _MOST:
            self._waiting[job] = None
            self._signal.set()

    async def start(self) -> None:
        """Begin to write; what was added before is written first."""
        self._task = asyncio.create_task(self._run(), name="jobs.wakeups", context=contextvars.Context())

    async def stop(self) -> None:
        """Write what is left, once, and end."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        while self._waiting and await self._flush():
            pass

    async def _run(self) -> None:
        while True:
            await self._signal.wait()
            if not await self._flush():
                await asyncio.sleep(_RETRY_SECONDS)
            elif not self._waiting:
                self._signal.clear()

    async def _flush(self) -> bool:
        batch = dict.fromkeys(list(self._waiting)[:_BATCH])
        for job in batch:
            del self._waiting[job]
        try:
            await self._write(list(batch))
        except asyncio.CancelledError:
            self._waiting = batch | self._waiting
            raise
        except Exception as error:
            self._waiting = batch | self._waiting
            _log.warning("wake-ups cannot be queued", waiting=len(self._waiting), error=repr(error))
            return False
        return True

    async def _write(self, batch: list[Job]) -> None:
        for task in {task for task, _ in batch} - self._queues.keys():
            _log.warning("no handler for a wake-up", task=task)
        known = [(task, key) for task, key in batch if task in self._queues]
        if known:
            await self._database.fetch(
                _INSERT,
                [self._queues[task] for task, _ in known],
                [task for task, _ in known],
                [f"{task}/{key}" for task, key in known],
                [orjson.dumps({"key": key}).decode() for _, key in known],
            )
