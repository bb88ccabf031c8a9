"""The rows of connections' calendars: made, parked while the owner must sign in, woken, deleted, set up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rallypoint.connections.api import Connection
from rallypoint.domains.booking.api import SyncMode, SyncSettings
from rallypoint.domains.booking.calendars import links
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

_TABLES = (
    "booking_calendar_links",
    "booking_calendar_channels",
    "booking_busy_blocks",
    "booking_calendar_cursors",
)
_ANEW = {"cursor": "", "page": "", "reading_all": False, "claimed_until": 0}
"""Columns of a calendar that is to be read from its beginning; whoever reads it now must stop (``fence``)."""


async def connected(tx: Transaction, connection: Connection) -> bool:
    """Make the row of a connection's calendar, or wake it; what was missed meanwhile is due.

    Who reconnects another account starts anew: the events that were linked are not in that one's calendar.

    Returns:
        Whether there was a row before.
    """
    row = await _held(tx, connection.id)
    if row is None:
        await _insert(tx, connection)
    elif row["external_account"] != connection.external_id:
        await _start_anew(tx, connection)
    else:
        await _update(tx, connection.id, parked=False, failures=0, watch_at=clock.now())
        await links.unpark(tx, connection.id)
    return row is not None


async def parked(tx: Transaction, connection_id: str) -> None:
    """Let nothing be done for a connection until its owner has signed in again; who is at it stops."""
    await _held(tx, connection_id)
    await _update(tx, connection_id, parked=True, poll_at=None, claimed_until=0)
    await links.park(tx, connection_id)


async def settle_idle(tx: Transaction, connection_id: str) -> None:
    """Take back what seems due of a connection that is parked or gone."""
    row = await _held(tx, connection_id)
    if row is None:
        await tx.execute("DELETE FROM booking_calendar_links WHERE connection_id = ?", connection_id)
    elif row["parked"]:
        await links.park(tx, connection_id)


async def want_poll(tx: Transaction, connection_id: str) -> Row | None:
    """Have a calendar looked at soon; None when there is no such row."""
    return await tx.fetch_one(
        "UPDATE booking_calendar_cursors SET poll_at = ? WHERE connection_id = ?"
        " RETURNING connection_id, service, parked",
        clock.now(),
        connection_id,
    )


async def want_watch(tx: Transaction, connection_id: str) -> None:
    """Have a calendar's push channel looked after soon."""
    await tx.execute(
        "UPDATE booking_calendar_cursors SET watch_at = ? WHERE connection_id = ?", clock.now(), connection_id
    )


async def forget(tx: Transaction, connection_id: str) -> None:
    """Delete everything that is kept of a connection's calendar."""
    for table in _TABLES:
        await tx.execute(f"DELETE FROM {table} WHERE connection_id = ?", connection_id)  # noqa: S608


async def settings(database: Database, connection_id: str) -> SyncSettings:
    """Return how a connection's calendar is synced."""
    row = await database.fetch_one(
        "SELECT sync_mode, last_sync_at FROM booking_calendar_cursors WHERE connection_id = ?", connection_id
    )
    return SyncSettings() if row is None else SyncSettings(row["sync_mode"], row["last_sync_at"])


async def set_mode(tx: Transaction, connection: Connection, mode: SyncMode) -> None:
    """Choose how a calendar is synced; for two-way it is read anew, since what only blocked time may be more."""
    row = await _held(tx, connection.id)
    if row is None:
        await _insert(tx, connection)
    if mode == "two-way" and (row is None or row["sync_mode"] != mode):
        await _update(tx, connection.id, sync_mode=mode, poll_at=clock.now(), **_ANEW)
    else:
        await _update(tx, connection.id, sync_mode=mode, claimed_until=0)


async def due(database: Database, service: str, limit: int) -> Sequence[str]:
    """Return connections of a service for which something is to be done now."""
    at = clock.now()
    rows = await database.fetch(
        "SELECT connection_id FROM booking_calendar_cursors WHERE service = ? AND parked = ? AND claimed_until <= ?"
        " AND (poll_at <= ? OR watch_at <= ?) LIMIT ?",
        service,
        False,
        at,
        at,
        at,
        limit,
    )
    rows += await database.fetch(
        "SELECT DISTINCT connection_id FROM booking_calendar_links WHERE service = ? AND next_at <= ? LIMIT ?",
        service,
        at,
        limit,
    )
    return list(dict.fromkeys(row["connection_id"] for row in rows))


async def _held(tx: Transaction, connection_id: str) -> Row | None:
    return await tx.lock("SELECT * FROM booking_calendar_cursors WHERE connection_id = ?", connection_id)


async def _insert(tx: Transaction, connection: Connection) -> None:
    at = clock.now()
    await tx.execute(
        "INSERT INTO booking_calendar_cursors (connection_id, account_id, mode, user_id, service,"
        " external_account, sync_mode, parked, cursor, page, reading_all, run, watch_at, failures, claimed_until,"
        " fence, created_at) VALUES (?, ?, ?, ?, ?, ?, 'one-way', ?, '', '', ?, 0, ?, 0, 0, 0, ?)"
        " ON CONFLICT (connection_id) DO NOTHING",
        connection.id,
        connection.account_id,
        connection.mode,
        connection.user_id,
        connection.service,
        connection.external_id,
        False,
        False,
        at,
        at,
    )
    if connection.mode == "live":
        await links.link_all(tx, connection.id)


async def _start_anew(tx: Transaction, connection: Connection) -> None:
    for table in _TABLES[:-1]:
        await tx.execute(f"DELETE FROM {table} WHERE connection_id = ?", connection.id)  # noqa: S608
    fresh = {"external_account": connection.external_id, "parked": False, "failures": 0, "last_sync_at": None}
    await _update(tx, connection.id, watch_at=clock.now(), **fresh, **_ANEW)
    await links.link_all(tx, connection.id)


async def _update(tx: Transaction, connection_id: str, **columns: Any) -> None:
    """Write columns; a change that ends claims makes them void."""
    names = ", ".join(f"{name} = ?" for name in columns)
    fence = ", fence = fence + 1" if "claimed_until" in columns else ""
    await tx.execute(
        f"UPDATE booking_calendar_cursors SET {names}{fence} WHERE connection_id = ?",  # noqa: S608
        *columns.values(),
        connection_id,
    )
