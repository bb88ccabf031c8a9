"""Chooses the task engine: in this process with SQLite, Procrastinate with PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection

from rallypoint.jobs.api import Jobs
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases


def make_jobs(
    database: Database, leases: Leases, *, runs: bool, concurrency: int, queues: Collection[str]
) -> Jobs:
    """Return the engine of one process, not started yet.

    Args:
        database: Decides which engine it is.
        leases: Of this process.
        runs: Whether it runs jobs, or only wakes those processes that do.
        concurrency: Jobs at once, for each queue.
        queues: The queues to read; every one that has a handler here when empty.
    """
    if database.is_sqlite:
        return EmbeddedJobs(concurrency=concurrency)
    from rallypoint.jobs.procrastinate import ProcrastinateJobs

    return ProcrastinateJobs(database, leases, runs=runs, concurrency=concurrency, queues=queues)
