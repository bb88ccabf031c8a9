"""The scaled-out column: a PostgreSQL database and a Redis of the benchmark's own, where they are to be had."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from lib.process import ROOT, SERVER_CORE, pinned
from lib.server import ENV
from rallypoint.testing.cluster import Cluster

sys.path.append(str(ROOT.parent))
from tools.cluster import execute, own_database, own_redis

# A worker says at the level "info" that it has started; requests stay unlogged.
_ENV = {**ENV, "RALLYPOINT_LOG_LEVEL": "info", "RALLYPOINT_ACCESS_LOG": "false"}
__all__ = ["cluster", "missing", "own_database", "own_redis"]


def missing(*, redis: bool) -> str | None:
    """Return why nothing can run on several processes here, or None.

    Args:
        redis: Whether a Redis is needed as well.
    """
    try:
        asyncio.run(execute("SELECT 1"))
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        return f"no PostgreSQL where RALLYPOINT_TEST_DATABASE_URL or the default says ({error})"
    if redis and shutil.which("redis-server") is None:
        return "redis-server is not installed"
    return None


@contextmanager
def cluster(
    folder: Path,
    database: str,
    redis: str = "",
    *,
    servers: int = 0,
    workers: int = 0,
    env: Mapping[str, str] | None = None,
    core: int = SERVER_CORE,
    worker_options: Sequence[str] = (),
) -> Iterator[Cluster]:
    """Run servers and workers on one core for as long as the block, with limits on but out of reach."""
    made = Cluster(
        folder,
        database,
        redis,
        servers=servers,
        workers=workers,
        env={**_ENV, **(env or {})},
        worker_options=worker_options,
    )
    with pinned(core):
        made.start()
    try:
        yield made
    finally:
        made.stop()
