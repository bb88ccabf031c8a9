"""``make cluster``: two servers and two workers on loopback, with a database and a Redis of their own.

The database is made on the PostgreSQL of ``RALLYPOINT_TEST_DATABASE_URL`` (else the default local one) and
dropped at the end; a ``redis-server`` is started on a free port. Ctrl-C stops everything.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from rallypoint.storage.ids import new_id
from rallypoint.testing.cluster import Cluster
from rallypoint.testing.process import free_port

ADMIN = os.environ.get("RALLYPOINT_TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")


async def execute(statement: str) -> None:
    """Run one statement where databases are made."""
    connection = await asyncpg.connect(ADMIN, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def own_database() -> Iterator[str]:
    """Make a database, yield its URL, and drop it."""
    name = f"rallypoint_cluster_{new_id().replace('-', '')}"
    asyncio.run(execute(f'CREATE DATABASE "{name}"'))
    try:
        yield urlunsplit(urlsplit(ADMIN)._replace(path=f"/{name}"))
    finally:
        asyncio.run(execute(f'DROP DATABASE "{name}" WITH (FORCE)'))


@contextmanager
def own_redis(folder: Path) -> Iterator[str]:
    """Start a Redis that keeps nothing, yield its URL, and stop it."""
    binary, port = shutil.which("redis-server"), free_port()
    if binary is None:
        sys.exit("redis-server is not installed")
    with (folder / "redis.log").open("wb") as log:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = subprocess.Popen([binary, *options], stdout=log, stderr=log)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Run a cluster until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TemporaryDirectory() as name, own_database() as database, own_redis(Path(name)) as redis:
        env = {"RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on"}
        with Cluster(Path(name), database, redis, env=env) as cluster:
            for server in cluster.servers:
                print(f"server   {server.url}   pid {server.pid}   {server.log}")
            for worker in cluster.workers:
                print(f"worker   pid {worker.pid}   {worker.log}")
            print("Ctrl-C stops everything.", flush=True)
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                print("stopping")


if __name__ == "__main__":
    main()
