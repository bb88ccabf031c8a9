"""Tortoise's SQLite engine with the two changes a server needs: ``BEGIN IMMEDIATE``, and read-only connections.

Plain ``BEGIN`` takes the write lock at the first write, where SQLite answers "database is locked" at once
whatever ``busy_timeout`` says (https://www.sqlite.org/lang_transaction.html §2.2).
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any, cast

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

from rallypoint.storage.precedence import PrecedenceLock

SQLITE_ERRORS = (OperationalError, sqlite3.OperationalError)
_OUTAGES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
}


def is_outage(error: BaseException) -> bool:
    """Tell whether one of :data:`SQLITE_ERRORS` is the disk's or the lock's fault, and not the statement's."""
    inner = error.args[0] if isinstance(error, OperationalError) and error.args else error
    code = getattr(inner, "sqlite_errorcode", None)
    return (
        isinstance(code, int) and code & 0xFF in _OUTAGES
    )  # the low byte of an extended code is the plain one


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that holds the write lock from its first statement."""

    async def begin(self) -> None:
        """Take the write lock, waiting for other processes up to ``busy_timeout``."""
        await self._connection.execute("BEGIN IMMEDIATE")


class _Begun(SqliteTransactionContext):
    """Begins a transaction, or leaves the connection to others as it was.

    Tortoise keeps the lock when beginning fails or is cancelled, and nobody would ever write again.
    """

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self._begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return cast(TransactionalDBClient, self.connection)

    async def _begin(self) -> None:
        try:
            await self.connection.begin()
        except BaseException:
            # What is cancelled is still carried out by aiosqlite's thread, in order: this comes after it.
            await self.connection._connection.rollback()
            raise


class Client(SqliteClient):
    """One connection; the ``query_only`` pragma in its credentials makes it a reader."""

    def __init__(self, file_path: str, **kwargs: Any) -> None:
        super().__init__(file_path, **kwargs)
        self.pragmas["journal_size_limit"] = 64 * 1024 * 1024
        self._lock = cast(asyncio.Lock, PrecedenceLock())

    def _in_transaction(self) -> TransactionContext:
        return _Begun(ImmediateTransaction(self), self._lock)


client_class = Client
