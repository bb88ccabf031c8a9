"""What a process is for: serving, or running jobs, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rallypoint.settings import Settings

CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class Role:
    """One process's part.

    Args:
        kind: What it is called in the shared status.
        runs_jobs: Whether it runs jobs, or only wakes those processes that do.
        concurrency: Jobs at once, for each queue.
        queues: The queues it reads; every one that it has handlers for when empty.
    """

    kind: Literal["server", "worker"]
    runs_jobs: bool
    concurrency: int = CONCURRENCY
    queues: tuple[str, ...] = ()

    @classmethod
    def server(cls, settings: Settings) -> Role:
        """Serve requests and sockets; with SQLite there is no other process to run the jobs."""
        return cls("server", runs_jobs=settings.embedded or settings.serve_jobs)

    @classmethod
    def worker(cls, concurrency: int = CONCURRENCY, queues: Sequence[str] = ()) -> Role:
        """Run jobs and nothing else."""
        return cls("worker", runs_jobs=True, concurrency=concurrency, queues=tuple(queues))
