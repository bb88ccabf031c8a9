"""How long a list and a change take while 1,000 connections are synced at once, and when the server is idle.

Each connection's task makes one call of the provider's API, of which 100 a second are allowed: the run fails when one
of them is left out or made twice. Percentiles as in ``rest_while_draining``; the table shows the median of the runs.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from deliveries import receiver
from lib import scaled
from lib.latency import Connection, Pace, percentile
from lib.plugins import install
from lib.process import LOAD_CORE, ROOT, pinned
from lib.report import Line, arguments, show
from lib.server import serving
from rest_while_draining import PERCENTILES, RATE

from rallypoint.connections.tokens import Tokens
from rallypoint.security.secrets import ensure_secret_key
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.ids import new_id
from rallypoint.testing.cluster import SECRET_KEY
from rallypoint.testing.server import ServerProcess

KINDS = ("list", "change")
ROOMS = 100
TIMES_IDLE = 2
CALLS_A_SECOND = 100
SECONDS = 240
HOUR = 3_600_000


def requests(server: ServerProcess) -> list[list[bytes]]:
    """Make rooms, and return the requests of each kind; they succeed in any order, however busy the machine."""
    token = server.register("owner@example.com")
    rooms = [
        server.request("POST", "/api/v1/rooms", {"name": f"Morning focus {number}"}, token=token)[1]["data"][
            "id"
        ]
        for number in range(ROOMS)
    ]
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    change = f'{head}Content-Type: application/json\r\nContent-Length: 22\r\n\r\n{{"name": "Late focus"}}'
    return [
        [f"GET /api/v1/rooms?limit=20 HTTP/1.1\r\n{head}\r\n".encode()],
        [f"PATCH /api/v1/rooms/{room} HTTP/1.1\r\n{change}".encode() for room in rooms],
    ]


class Connections:
    """Connections in the database of a server that runs; use :func:`connections`.

    Args:
        database: Open.
        vault: With the server's key.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def make(self, count: int) -> None:
        """Make connections with tokens that hold for an hour, and their tasks' rows, which are not due yet."""
        at = clock.now()
        sealed = self._vault.encrypt(Tokens("token", "", at + HOUR, HOUR).pack())
        ids = [new_id() for _ in range(count)]
        async with self._database.transaction() as tx:
            await tx.execute_many(
                "INSERT INTO connections (id, account_id, user_id, mode, service, kind, state, label, reason,"
                " credential, version, seq, created_at, updated_at)"
                " VALUES (?, ?, ?, 'live', 'due', 'oauth2', 'connected', '', '', ?, 1, 0, ?, ?)",
                [(id_, id_, id_, sealed, at, at) for id_ in ids],
            )
            await tx.execute_many(
                "INSERT INTO scheduled_runs (id, plugin, task, connection_id, next_at, claimed_until, fence,"
                " failures, last_error) VALUES (?, 'due', 'sync', ?, ?, 0, 0, 0, '')",
                [(f"due/sync/{id_}", id_, at + HOUR) for id_ in ids],
            )

    async def release(self) -> None:
        """Let all of them be due."""
        async with self._database.transaction() as tx:
            await tx.execute("UPDATE scheduled_runs SET next_at = ? WHERE plugin = 'due'", clock.now())

    async def done(self) -> None:
        """Wait until none of them is.

        Raises:
            RuntimeError: One of them failed.
        """
        open_ = "SELECT 1 FROM scheduled_runs WHERE plugin = 'due' AND (next_at <= ? OR claimed_until > 0) LIMIT 1"
        async with asyncio.timeout(SECONDS):
            while await self._database.fetch(open_, clock.now()):
                await asyncio.sleep(0.05)
        failed = "SELECT last_error FROM scheduled_runs WHERE plugin = 'due' AND last_error <> '' LIMIT 1"
        for row in await self._database.fetch(failed):
            raise RuntimeError(row["last_error"])


@asynccontextmanager
async def connections(data_dir: Path, url: str = "") -> AsyncIterator[Connections]:
    """Open the database of a server that runs, or of a cluster."""
    more = {"database_url": url, "secret_key": SECRET_KEY} if url else {}
    settings = ensure_secret_key(Settings(data_dir=data_dir, _env_file=None, **more))
    database = Database.from_settings(settings)
    await database.open({app.label: [app.models] for app in CORE_APPS})
    try:
        yield Connections(database, Vault(settings))
    finally:
        await database.close()


class Subject:
    """A server that is asked while its connections are synced.

    Args:
        pace: Asks it.
        due: In its database.
        port: Of the provider.
        options: Sizes.
    """

    def __init__(self, pace: Pace, due: Connections, port: int, options: argparse.Namespace) -> None:
        self._pace, self._due, self._port, self._options = pace, due, port, options

    async def idle(self) -> PERCENTILES:
        """Return the latency with nothing else to do."""
        await self._pace.run(asyncio.create_task(asyncio.sleep(self._options.seconds)))
        return self._p99(0.0, float("inf"))

    async def syncing(self) -> tuple[PERCENTILES, float]:
        """Return the latency between the first call of the provider and the last, and the calls a second."""
        syncing = asyncio.create_task(self._sync())
        await self._pace.run(syncing)
        begun, ended = syncing.result()
        return self._p99(begun, ended), self._options.connections / (ended - begun)

    async def _sync(self) -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        _, provider = await loop.create_connection(Connection, "127.0.0.1", self._port)
        before = await _calls(provider)
        await self._due.release()
        async with asyncio.timeout(SECONDS):
            while await _calls(provider) == before:
                await asyncio.sleep(0.01)
        begun = time.perf_counter()
        await self._due.done()
        ended, made = time.perf_counter(), await _calls(provider) - before
        provider.close()
        if made != self._options.connections:
            raise RuntimeError(f"{self._options.connections} connections were due, and {made} calls made")
        return begun, ended

    def _p99(self, begun: float, ended: float) -> PERCENTILES:
        return tuple(
            percentile([ms for due, ms in taken if due + ms / 1000 >= begun and due <= ended], 0.99)
            for taken in self._pace.taken
        )


async def _calls(provider: Connection) -> int:
    return int((await provider.ask(b"GET / HTTP/1.1\r\n\r\n")).rpartition(b"\r\n")[2])


async def measure(
    server: ServerProcess, data_dir: Path, database: str, port: int, options: argparse.Namespace
) -> tuple[list[tuple[PERCENTILES, PERCENTILES]], list[float]]:
    """Return the latencies while syncing and when idle, of each run, and the calls a second."""
    measured, rates = [], []
    pace = Pace(server.port, requests(server), RATE)
    async with connections(data_dir, database) as due:
        await due.make(options.connections)
        subject = Subject(pace, due, port, options)
        await subject.idle()  # warm
        for _ in range(options.runs):
            idle = await subject.idle()
            syncing, rate = await subject.syncing()
            measured.append((syncing, idle))
            rates.append(rate)
    return measured, rates


def table(title: str, measured: Sequence[tuple[PERCENTILES, PERCENTILES]], rates: Sequence[float]) -> None:
    """Print what was measured on one column."""
    lines = []
    for index, kind in enumerate(KINDS):
        line = Line(f"p99 of a {kind} while syncing (reference: idle)", "ms", TIMES_IDLE, "at most")
        for syncing, idle in measured:
            line.add(syncing[index], idle[index])
        lines.append(line)
    calls = Line("calls of the provider (reference: the limit)", "1/s", 1.0, "at most")
    for rate in rates:
        calls.add(rate, CALLS_A_SECOND)
    show(title, [*lines, calls])


def plugin(folder: Path, port: int) -> dict[str, str]:
    """Return the variables with which a server has the service ``due`` of a provider on ``port``."""
    install(folder, "due", "rallypoint_due")
    return {
        "PYTHONPATH": f"{folder}:{ROOT / 'plugin'}",
        "RALLYPOINT_PLUGINS": "due",
        "RALLYPOINT_DUE_URL": f"http://127.0.0.1:{port}",
    }


def main() -> None:
    options = arguments(__doc__, runs=5, seconds=5.0, connections=1_000)
    title = f"Requests while {options.connections:,} connections are due at once"
    with tempfile.TemporaryDirectory() as name, receiver() as provider:
        folder, env = Path(name) / "sqlite", plugin(Path(name) / "site", provider.port)
        with serving(folder, env) as server, pinned(LOAD_CORE):
            table(f"{title}, SQLite", *uvloop.run(measure(server, folder, "", provider.port, options)))
        if reason := scaled.missing(redis=False):
            print(f"\n{title}, PostgreSQL: skipped, {reason}")
            return
        more = ("--nice", "10")
        with (
            scaled.own_database() as database,
            scaled.cluster(Path(name), database, servers=1, workers=1, env=env, worker_options=more) as made,
            pinned(LOAD_CORE),
        ):
            figures = uvloop.run(measure(made.servers[0], Path(name), database, provider.port, options))
        table(f"{title}, PostgreSQL with one server and one worker", *figures)


if __name__ == "__main__":
    main()
