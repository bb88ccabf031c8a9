"""Our calendar engine with the Google plugin in a process of its own: a first sync, then a look without news.

``python -m lib.calendar PORT EVENTS DATA_DIR`` prints a line of JSON: ``seconds`` of the first sync and the
``memory`` (MB) that it took at most; ``bare`` seconds of reading the same pages with the same plugin into bare rows;
and of the look afterwards ``requests`` and ``statements``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop
from references.calendar_rows import bare_table

from lib.latency import Connection as Plain
from lib.process import memory_mb
from rallypoint.app import App, build
from rallypoint.connections.api import Connection
from rallypoint.connections.tokens import Tokens
from rallypoint.domains.booking.api import CalendarSync
from rallypoint.domains.booking.calendars import cursors
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id

SERVICE = "google_calendar"
HOUR = 3_600_000
CACHE = "cache_size=-2000"
"""2 MB, so that SQLite's own cache, of up to 32 MB, is not taken for memory that grows with the calendar."""


def server(options: argparse.Namespace) -> App:
    """Return a server that runs no jobs, with Google where the pages are."""
    os.environ |= {
        "RALLYPOINT_GOOGLE_API_URL": f"http://127.0.0.1:{options.port}/{options.events}",
        "RALLYPOINT_GOOGLE_CLIENT_ID": "client",
        "RALLYPOINT_GOOGLE_CLIENT_SECRET": "secret",
        "RALLYPOINT_GOOGLE_PUSH": "false",
        "RALLYPOINT_GOOGLE_REQUESTS_PER_SECOND": "1000000",
    }
    return build(
        Settings(
            data_dir=options.data_dir,
            database_url=options.database or f"sqlite://{options.data_dir / 'rallypoint.db'}?{CACHE}",
            secret_key="x" * 32,
            plugins=("google",),
            serve_jobs=False,
            log_level="warning",
            _env_file=None,
        )
    )


async def connect(app: App) -> Connection:
    """Store a connection as the consent page would have made it."""
    at, id_ = clock.now(), new_id()
    sealed = app.house.vault.encrypt(Tokens("token", "", at + HOUR, HOUR).pack())
    async with app.house.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO connections (id, account_id, user_id, mode, service, kind, state, label, email, external_id,"
            " scopes, reason, credential, version, renewals, expires_at, seq, created_at, updated_at)"
            " VALUES (?, ?, ?, 'live', ?, 'oauth2', 'connected', '', '', '', '', '', ?, 1, 0, ?, 0, ?, ?)",
            id_,
            new_id(),
            new_id(),
            SERVICE,
            sealed,
            at + HOUR,
            at,
            at,
        )
    found = await app.house.connections.get(id_)
    if found is None:
        raise RuntimeError("the Google plugin is not loaded")
    return found


class Peak:
    """The most memory that a block takes beyond what the process had, in MB."""

    async def __aenter__(self) -> Peak:
        self.most = self._before = memory_mb(os.getpid())
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._look()

    @property
    def taken(self) -> float:
        """Beyond what it had."""
        return self.most - self._before

    async def _watch(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(0.005)

    def _look(self) -> None:
        self.most = max(self.most, memory_mb(os.getpid()))


def listen() -> list[str]:
    """Return a list that grows by every statement from now on."""
    heard: list[str] = []
    for owner, name in (
        (Transaction, "fetch"),
        (Transaction, "execute"),
        (Transaction, "execute_many"),
        (Database, "fetch"),
    ):
        setattr(owner, name, _told(getattr(owner, name), heard))
    return heard


def _told(original: Callable[..., Any], heard: list[str]) -> Callable[..., Any]:
    async def told(self: Any, sql: str, *arguments: Any) -> Any:
        heard.append(sql)
        return await original(self, sql, *arguments)

    return told


async def asked(port: int) -> int:
    """Return how many pages the provider was asked for."""
    _, provider = await asyncio.get_running_loop().create_connection(Plain, "127.0.0.1", port)
    answer = await provider.ask(b"GET / HTTP/1.1\r\n\r\n")
    provider.close()
    return int(answer.rpartition(b"\r\n")[2])


async def measure(options: argparse.Namespace) -> dict[str, float]:
    app = server(options)
    await app.opening.open()
    try:
        sync = app.house.kernel.services.get(CalendarSync)
        connection = await connect(app)
        async with app.house.database.transaction() as tx:
            await cursors.connected(tx, connection)
            mode = "two-way" if options.two_way else "one-way"
            await tx.execute("UPDATE booking_calendar_cursors SET sync_mode = ?, watch_at = NULL", mode)
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        bare = await into_bare_rows(app, connection, options)
        async with Peak() as peak:
            begun = time.perf_counter()
            await sync.poll(connection)
            seconds = time.perf_counter() - begun
        await check(app, connection, options)
        await rest(app, sync, connection)
        before, heard = await asked(options.port), listen()
        await sync.poll(connection)
        news = {"requests": await asked(options.port) - before, "statements": len(heard)}
        return {"seconds": seconds, "memory": peak.taken, "bare": bare, **news}
    finally:
        await app.opening.close()


async def into_bare_rows(app: App, connection: Connection, options: argparse.Namespace) -> float:
    """Read every page with the plugin, and insert its events as bare rows; returns the seconds."""
    (provider,) = await app.house.kernel.hooks.collect("register_calendar_providers")
    async for _ in provider.changes(connection, ""):  # warm
        break
    async with bare_table(options.database or str(options.data_dir / "bare.db")) as insert:
        begun = time.perf_counter()
        async for page in provider.changes(connection, ""):
            await insert([(event.id, event.start, event.end) for event in page.events])
        return time.perf_counter() - begun


async def rest(app: App, sync: CalendarSync, connection: Connection) -> None:
    """Have done what a first sync leaves to jobs."""
    busy = "SELECT 1 FROM booking_calendar_cursors WHERE connection_id = ? AND (claimed_until > 0 OR watch_at > 0)"
    async with asyncio.timeout(10):
        while await app.house.database.fetch(busy, connection.id):
            await sync.push_due(connection.id)
            await asyncio.sleep(0.01)


async def check(app: App, connection: Connection, options: argparse.Namespace) -> None:
    """Refuse a sync that has left something out."""
    table = "booking_calendar_links" if options.two_way else "booking_busy_blocks"
    (row,) = await app.house.database.fetch(
        f"SELECT COUNT(*) AS found FROM {table} WHERE connection_id = ?", connection.id
    )
    if row["found"] != options.events:
        raise RuntimeError(f"{options.events} events made {row['found']} rows")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("events", type=int)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--database", default="")
    parser.add_argument("--two-way", action="store_true")
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
