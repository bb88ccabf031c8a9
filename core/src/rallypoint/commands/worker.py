"""``rallypoint worker``: the jobs, deliveries, reactions and schedule of a server on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import structlog
import uvloop

from rallypoint.app import build
from rallypoint.commands import collector
from rallypoint.logs import configure_logging
from rallypoint.opening import Opening
from rallypoint.plugins.loader import StartRefused
from rallypoint.role import Role
from rallypoint.security.secrets import SecretsError, ensure_secret_key
from rallypoint.settings import Settings
from rallypoint.storage.database import DatabaseAway

_log = structlog.stdlib.get_logger("rallypoint")


def worker(settings: Settings, *, concurrency: int, queues: Sequence[str], nice: int = 0) -> None:
    """Work until told to stop; exits with 1 and one clear line when it cannot start.

    Args:
        settings: On PostgreSQL.
        concurrency: Jobs at once, for each queue.
        queues: The queues to read; all when empty.
        nice: How far to stand back from the machine's other processes, 0 to 19 (setpriority(2)).
    """
    if nice:
        os.nice(nice)
    configure_logging(settings)
    if settings.embedded:
        sys.exit("rallypoint: with SQLite `rallypoint serve` runs the jobs itself; workers need PostgreSQL")
    try:
        app = build(ensure_secret_key(settings), role=Role.worker(concurrency, queues))
    except (SecretsError, StartRefused) as error:
        sys.exit(f"rallypoint: {error}")
    uvloop.run(_work(app.opening))


async def _work(opening: Opening) -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    try:
        await opening.open()
        collector.settle()
        _log.info("the worker has started")
        await told_to_stop.wait()
        _log.info("the worker finishes what it has begun")
    except DatabaseAway as error:
        sys.exit(f"rallypoint: the worker cannot start: {error.reason}")
    finally:
        await opening.close()
