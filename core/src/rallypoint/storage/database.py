"""The one way to the database: a writer whose transactions may be joined, and a reader that never waits for it.

SQL is written with ``?`` and runs on SQLite and PostgreSQL alike. Models (Tortoise) describe the schema and
serve where speed does not matter; hot paths use plain SQL, because full objects cost a multiple of the rows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import structlog
from tortoise import Tortoise
from tortoise.apps import Apps
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.context import TortoiseContext

from rallypoint.errors import Unavailable
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.commits import CommitOrder
from rallypoint.storage.sqlite import SQLITE_ERRORS, is_outage

Row = Mapping[str, Any]
AppConfig = Mapping[str, Sequence[str]]

_SAY_AGAIN = 5.0
_log = structlog.stdlib.get_logger("rallypoint.storage")
_PRAGMAS = {"synchronous": "NORMAL", "busy_timeout": 10_000, "foreign_keys": "ON", "cache_size": -32_000}


class DatabaseAway(Unavailable):
    """The database cannot be reached, is restarting or is overloaded; the same work may succeed in a moment."""

    def __init__(self, reason: str) -> None:
        super().__init__("The database cannot answer at present", headers={"Retry-After": "1"})
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


@lru_cache(maxsize=512)
def _numbered(sql: str) -> str:
    """Turn ``?`` into PostgreSQL's ``$1``, ``$2``, …; our SQL has no ``?`` inside literals."""
    head, *rest = sql.split("?")
    return head + "".join(f"${index}{part}" for index, part in enumerate(rest, 1))


class Transaction:
    """Statements that take effect together.

    Callbacks given to :meth:`after_commit` run once the outermost transaction is committed, in the order in
    which transactions committed; they must not block and never run when it is rolled back.
    """

    def __init__(self, client: BaseDBAsyncClient, numbered: bool) -> None:
        self.client = client
        self._numbered = numbered
        self._callbacks: list[Callable[[], object]] = []
        self.task = asyncio.current_task()

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once this has been committed."""
        self._callbacks.append(callback)

    def committed(self) -> None:
        """Run what waited for the commit; called by :class:`Database` alone."""
        for callback in self._callbacks:
            callback()

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        """Return all rows of a statement, ``… RETURNING`` included."""
        rows = await self.client.execute_query_dict(self._sql(sql), list(args))
        return cast(list[Row], rows)

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        """Return the first row, or None."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def lock(self, sql: str, *args: Any) -> Row | None:
        """Return the first row of a ``SELECT``, held until the transaction ends, or None.

        Others who want to hold or change it wait. On SQLite the transaction holds everything already. Who holds
        several rows takes them in one order everywhere, else two transactions wait for each other.
        """
        rows = await self.lock_all(sql, *args)
        return rows[0] if rows else None

    async def lock_all(self, sql: str, *args: Any) -> list[Row]:
        """Return the rows of a ``SELECT``, all held as :meth:`lock` holds one."""
        return await self.fetch(f"{sql} FOR UPDATE" if self._numbered else sql, *args)

    async def hold(self, name: str) -> None:
        """Let nobody else hold ``name`` until the transaction ends, for what has no row yet that could be locked."""
        if self._numbered:  # SQLite's transaction is alone already
            await self.fetch("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", name)

    async def execute(self, sql: str, *args: Any) -> int:
        """Run a statement without ``RETURNING`` and return how many rows it changed."""
        count, _ = await self.client.execute_query(self._sql(sql), list(args))
        return int(count)

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of arguments."""
        await self.client.execute_many(self._sql(sql), [list(row) for row in rows])

    def _sql(self, sql: str) -> str:
        return _numbered(sql) if self._numbered else sql


_current: ContextVar[Transaction | None] = ContextVar("rallypoint_transaction", default=None)


class Database:
    """Connections of one process.

    Args:
        url: ``sqlite://…``, ``postgres://…`` or ``postgresql://…``; empty means ``rallypoint.db`` in ``data_dir``.
        data_dir: Folder of the embedded default.
        pool_size: Connections to PostgreSQL at most: half for transactions, half for reads.
        timeout: Seconds that one statement may take on PostgreSQL.
    """

    def __init__(self, url: str, data_dir: Path, *, pool_size: int = 16, timeout: float = 30.0) -> None:
        self.url = url or f"sqlite://{data_dir / 'rallypoint.db'}"
        self.is_sqlite = self.url.startswith("sqlite://")
        self._pool_size, self._timeout = pool_size, timeout
        self._outages: tuple[type[Exception], ...] = SQLITE_ERRORS if self.is_sqlite else ()
        self._say_again_at = 0.0
        self._order = CommitOrder()
        self._context: TortoiseContext | None = None
        self._writer: BaseDBAsyncClient | None = None
        self._reader: BaseDBAsyncClient | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Database:
        """Return the server's database, not open yet."""
        return cls(
            settings.database_url,
            settings.data_dir,
            pool_size=settings.database_pool,
            timeout=settings.database_timeout,
        )

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.url.removeprefix("sqlite://").partition("?")[0])

    @property
    def reader(self) -> BaseDBAsyncClient:
        """The client for reads outside a transaction (``Model.filter(…).using_db(db.reader)``)."""
        if self._reader is None:
            raise RuntimeError("the database is not open")
        return self._reader

    @property
    def writer(self) -> BaseDBAsyncClient:
        """The client of transactions."""
        if self._writer is None:
            raise RuntimeError("the database is not open")
        return self._writer

    @property
    def migrator(self) -> BaseDBAsyncClient:
        """The client that migrations run on: on PostgreSQL one of its own, which waits as long as it takes."""
        if self._context is None:
            raise RuntimeError("the database is not open")
        return self._context.connections.get("default" if self.is_sqlite else "migrations")

    @property
    def apps(self) -> Apps:
        """The bound models by app label."""
        if self._context is None or self._context.apps is None:
            raise RuntimeError("the database is not open")
        return self._context.apps

    async def open(self, apps: AppConfig) -> None:
        """Connect, and bind the models of ``apps`` (modules by app label).

        Raises:
            DatabaseAway: PostgreSQL cannot be reached; its text says where and why.
        """
        EXECUTOR_CACHE.clear()  # Tortoise keeps SQL by model, not by dialect
        config = {
            "connections": self._connections(),
            "apps": {
                label: {"models": list(modules), "default_connection": "default"}
                for label, modules in apps.items()
            },
        }
        # Without the fallback every request of a real server, whose tasks are not ours, finds no context.
        self._context = await Tortoise.init(config=config, _enable_global_fallback=True)
        self._writer = self._context.connections.get("default")
        self._reader = self._context.connections.get("reader")
        if self.is_sqlite:
            await self._reach()
        else:
            await self._reach_postgresql()
            await self.follow_clock()

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        if self._context is not None:
            context, self._context = self._context, None
            self._writer = self._reader = None
            await context.close_connections()
            context.__exit__(None, None, None)

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        """Return all rows of a query on the reader; what is not yet committed is not seen."""
        with self._away_is_told():
            _, rows = await self.reader.execute_query(self._sql(sql), list(args))
        return cast(list[Row], rows)

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        """Return the first row on the reader, or None."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin a transaction, or join the one this task is in.

        Never await the network inside: on SQLite every other writer waits, on PostgreSQL a connection is held.

        Raises:
            DatabaseAway: It was not committed, because the database went away or too many wait for it.
        """
        outer = _current.get()
        if outer is not None and outer.task is asyncio.current_task():
            yield outer
            return
        with self._away_is_told():
            async with self.writer._in_transaction() as client:
                transaction = Transaction(client, numbered=not self.is_sqlite)
                token = _current.set(transaction)
                try:
                    yield transaction
                finally:
                    _current.reset(token)
                await self._commit(client, transaction)

    async def _commit(self, client: TransactionalDBClient, transaction: Transaction) -> None:
        turn = self._order.turn()
        try:
            await client.commit()
            await turn.come()
            transaction.committed()
        finally:
            turn.end()

    async def follow_clock(self) -> None:
        """Go by PostgreSQL's clock, which all processes share; with SQLite there is one process and one clock."""
        if self.is_sqlite:
            return
        begun = time.monotonic()
        row = await self.fetch_one("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS at")
        way_back = round((time.monotonic() - begun) * 500)
        if row is not None and (moved := clock.follow(row["at"] + way_back)):
            _log.warning("this machine's clock is not PostgreSQL's, which is followed", milliseconds=moved)

    async def _reach(self) -> None:
        await self.writer.execute_query("SELECT 1")
        await self.reader.execute_query("SELECT 1")

    async def _reach_postgresql(self) -> None:
        from asyncpg import PostgresError

        from rallypoint.storage.asyncpg import OUTAGES

        self._outages = OUTAGES
        try:
            await self._reach()
        except (PostgresError, *OUTAGES) as error:
            raise DatabaseAway(f"PostgreSQL at {_where(self.url)} cannot be used: {_said(error)}") from error

    @contextmanager
    def _away_is_told(self) -> Iterator[None]:
        try:
            yield
        except self._outages as error:
            if self.is_sqlite and not is_outage(error):
                raise
            self._log_outage(_said(error))
            raise DatabaseAway(_said(error)) from error

    def _log_outage(self, reason: str) -> None:
        """Say it once in a while: every request meets the same trouble."""
        if time.monotonic() >= self._say_again_at:
            self._say_again_at = time.monotonic() + _SAY_AGAIN
            _log.error("the database does not serve", reason=reason)

    def _sql(self, sql: str) -> str:
        return sql if self.is_sqlite else _numbered(sql)

    def _connections(self) -> dict[str, Any]:
        return self._sqlite_connections() if self.is_sqlite else self._postgresql_connections()

    def _postgresql_connections(self) -> dict[str, Any]:
        """Reads have a pool of their own: a transaction that reads outside itself would else wait for its like."""
        half = max(self._pool_size // 2, 1)

        def pool(size: int, seconds: float | None) -> dict[str, Any]:
            credentials = {"dsn": self.url, "size": size, "statement_seconds": seconds}
            return {"engine": "rallypoint.storage.asyncpg", "credentials": credentials}

        return {
            "default": pool(half, self._timeout),
            "reader": pool(half, self._timeout),
            "migrations": pool(2, None),
        }

    def _sqlite_connections(self) -> dict[str, Any]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        pragmas = {**_PRAGMAS, **dict(parse_qsl(urlsplit(self.url).query))}
        engine = "rallypoint.storage.sqlite"
        return {
            "default": {"engine": engine, "credentials": {"file_path": str(self.path), **pragmas}},
            "reader": {
                "engine": engine,
                "credentials": {"file_path": str(self.path), **pragmas, "query_only": 1},
            },
        }


def _where(url: str) -> str:
    """Return host, port and database, without the password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'the local socket'}:{parts.port or 5432}{parts.path}"


def _said(error: Exception) -> str:
    return f"{error}".strip() or type(error).__name__
