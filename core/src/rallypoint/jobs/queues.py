"""Procrastinate's workers: one for each queue that this process reads, started anew when one breaks.

A worker of its own gives each queue places of its own, so that a plugin whose jobs hang holds up nobody else.
This file and the listener alone import Procrastinate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog
from procrastinate import App
from procrastinate.jobs import Job, Status
from procrastinate.manager import get_channel_for_queues

from rallypoint.jobs.listener import SharedListener

HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 20.0
"""Seconds without a heartbeat after which a worker counts as dead and its jobs are done by others."""
_POLL_SECONDS = 1.0
"""Procrastinate's worker forgets a notification that comes while it fetches; this is how long that may cost."""
_RESTART_SECONDS = 1.0
_END_SECONDS = 3.0
_log = structlog.stdlib.get_logger("rallypoint.jobs")

Perform = Callable[[str, str], Awaitable[None]]


class Queues:
    """The queues that one process reads.

    Args:
        url: Of the database.
        perform: Called with a task and a key; its job is finished when it returns.
        concurrency: Jobs at once, for each queue.
    """

    def __init__(self, url: str, perform: Perform, *, concurrency: int) -> None:
        self._perform, self._concurrency = perform, concurrency
        self._listener = SharedListener(url, min_size=1, max_size=4)
        self._app = App(connector=self._listener)
        self._workers: list[asyncio.Task[None]] = []

    async def start(self, tasks: Iterable[tuple[str, str]]) -> None:
        """Begin to read.

        Args:
            tasks: Pairs of a task and its queue.
        """
        found = list(tasks)
        for task, _ in found:
            self._app.task(name=task)(partial(_job, self._perform, task))
        queues = sorted({queue for _, queue in found})
        await self._app.open_async()
        await self._listener.listen(get_channel_for_queues(queues))
        self._workers = [
            asyncio.create_task(self._serve(queue), name=f"jobs.queue/{queue}") for queue in queues
        ]

    def end(self) -> None:
        """Fetch no more; jobs that run go on."""
        for worker in self._workers:
            worker.cancel()

    async def close(self) -> None:
        """Wait until what ran is written down, and disconnect."""
        pending = set(self._workers)
        while pending:
            _, pending = await asyncio.wait(pending, timeout=_END_SECONDS)
            # One that was connecting may not have heard: wait_for of Python 3.11 loses a cancellation now and then.
            for worker in pending:
                worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._app.close_async()

    async def rescue(self) -> list[tuple[str, str]]:
        """Take dead workers' jobs out of the table, finished ones have left it, and return their tasks and keys."""
        manager = self._app.job_manager
        stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS))
        for job in stalled:
            await manager.finish_job(job, Status.FAILED, delete_job=True)
        await manager.prune_stalled_workers(STALLED_SECONDS)
        return [(job.task_name, _key(job)) for job in stalled]

    async def _serve(self, queue: str) -> None:
        """Run a worker; a new one when it broke, as when others took it for dead or the database went away."""
        while True:
            try:
                await self._app.run_worker_async(
                    queues=[queue],
                    name=queue,
                    concurrency=self._concurrency,
                    fetch_job_polling_interval=_POLL_SECONDS,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="always",
                    install_signal_handlers=False,
                )
            except Exception as error:
                _log.warning("a queue's worker broke; it is started again", queue=queue, error=repr(error))
            await asyncio.sleep(_RESTART_SECONDS)


async def _job(perform: Perform, task: str, key: str = "") -> None:
    await perform(task, key)


def _key(job: Job) -> str:
    return str(job.task_kwargs.get("key", ""))
