"""Tortoise's PostgreSQL engine with what a server needs: limits on waiting, counts of every statement, no resets.

Tortoise chooses the editor of schemas by the name of this module, which therefore must contain ``asyncpg``.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import DBConnectionError

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 10
"""How long a transaction may hang between two statements: it is that of a frozen process, and holds locks."""
LOCK_SECONDS = 10
POOL_SECONDS = 10.0
_MARGIN_SECONDS = 5.0

OUTAGES: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, starting up, statement_timeout
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,  # asyncpg's own: the connection is closed
    asyncpg.InternalClientError,  # the same, noticed between two messages
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    DBConnectionError,
    TimeoutError,
    OSError,
)
"""What passes by itself: the same work may well succeed a moment later."""


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose session state nobody changes, so that giving it back costs no round trip."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Return nothing to run; an unfinished transaction is rolled back all the same."""
        return ""


class _Counting:
    """Counts the rows of every statement: PostgreSQL answers ``INSERT 0 3`` and Tortoise reads the 0."""

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, list[Any]]:
        async with self.acquire_connection() as connection:  # type: ignore[attr-defined]
            if query.startswith(("INSERT", "UPDATE", "DELETE")):
                status: str = await connection.execute(query, *values or ())
                return int(status.rpartition(" ")[2]), []
            rows = await connection.fetch(query, *values or ())
            return len(rows), rows


class PooledTransaction(_Counting, TransactionWrapper):
    """A transaction on a connection of the pool."""


class _Begun(TransactionContextPooled):
    """Begins a transaction, waiting for a free connection only so long."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        pool = self.client._parent._pool
        async with asyncio.timeout(POOL_SECONDS):  # asyncpg's own timeout may swallow a cancellation
            connection = self.client._connection = await pool.acquire()
        try:
            await self.client.begin()
        except BaseException:
            await pool.release(connection)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; that it could not be rolled back must not hide why it was to be, least of all a cancellation."""
        try:
            await super().__aexit__(kind, error, trace)
        except Exception:
            if error is None:
                raise


class Client(_Counting, AsyncpgDBClient):
    """A pool of connections.

    Args:
        dsn: ``postgres://…`` as libpq reads it, ``sslmode`` and the like included.
        size: Connections at most; they are made when needed and given up when idle.
        statement_seconds: Longest run of one statement; None for no limit, as migrations want it.
    """

    def __init__(self, dsn: str, size: int, statement_seconds: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._dsn, self._size, self._seconds = dsn, size, statement_seconds

    async def create_connection(self, with_db: bool) -> None:  # noqa: ARG002 - Tortoise passes it
        """Make the pool with its first connection."""
        limited = self._seconds is not None
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._size,
            timeout=CONNECT_SECONDS,
            command_timeout=self._seconds + _MARGIN_SECONDS if self._seconds is not None else None,
            connection_class=Connection,
            server_settings={
                "application_name": "rallypoint",
                "jit": "off",  # compiling takes longer than any statement of ours
                "statement_timeout": f"{round((self._seconds or 0) * 1000)}",
                "lock_timeout": f"{LOCK_SECONDS * 1000 if limited else 0}",
                "idle_in_transaction_session_timeout": f"{IDLE_SECONDS * 1000 if limited else 0}",
            },
        )
        await self._post_connect()

    def _in_transaction(self) -> TransactionContext:
        return _Begun(PooledTransaction(self), self._pool_init_lock)


client_class = Client
