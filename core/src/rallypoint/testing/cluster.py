"""Several servers and workers on one database and one Redis, as processes on loopback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from rallypoint.testing.process import RallypointProcess
from rallypoint.testing.server import ServerProcess

SECRET_KEY = "of a cluster on one machine, for tests"  # noqa: S105 - it guards nothing


class WorkerProcess(RallypointProcess):
    """A ``rallypoint worker``; its output goes to ``worker.log`` in its folder.

    Args:
        data_dir: Its folder.
        env: Further variables.
        options: Of the command, such as ``--nice``.
    """

    def __init__(
        self, data_dir: Path, env: Mapping[str, str] | None = None, options: Sequence[str] = ()
    ) -> None:
        super().__init__(data_dir, env, log="worker.log")
        self.arguments = ("worker", *options)

    def ready(self, begin: int) -> bool:
        """Tell whether it has said that it has started."""
        with self.log.open("rb") as log:
            log.seek(begin)
            return b"the worker has started" in log.read()


class Cluster:
    """Servers and workers; a context manager that starts all of them and stops all of them.

    Args:
        folder: Each process gets a folder of its own in it.
        database_url: A PostgreSQL database of the cluster's own.
        redis_url: Empty for none.
        servers: How many.
        workers: How many.
        env: Further variables of every process.
        worker_options: Of ``rallypoint worker``.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        redis_url: str = "",
        *,
        servers: int = 2,
        workers: int = 2,
        env: Mapping[str, str] | None = None,
        worker_options: Sequence[str] = (),
    ) -> None:
        shared = {
            "RALLYPOINT_DATABASE_URL": database_url,
            "RALLYPOINT_REDIS_URL": redis_url,
            "RALLYPOINT_SECRET_KEY": SECRET_KEY,
            **(env or {}),
        }
        self.servers = [
            ServerProcess(folder / f"server-{number}", shared) for number in range(1, servers + 1)
        ]
        self.workers = [
            WorkerProcess(folder / f"worker-{number}", shared, worker_options)
            for number in range(1, workers + 1)
        ]

    @property
    def processes(self) -> list[RallypointProcess]:
        """All of them, servers first."""
        return [*self.servers, *self.workers]

    def start(self) -> None:
        """Start all at once and wait until each is ready.

        Raises:
            ServerDied: One did not come up; the others are stopped again.
        """
        try:
            self._each(lambda process: process.start())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all at once."""
        self._each(lambda process: process.stop())

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _each(self, act: Callable[[RallypointProcess], object]) -> None:
        with ThreadPoolExecutor(len(self.processes)) as pool:
            for done in [pool.submit(act, process) for process in self.processes]:
                done.result()
