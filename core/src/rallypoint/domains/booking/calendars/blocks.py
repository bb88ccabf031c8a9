"""Busy blocks: time that events take up without being appointments; nothing else of them is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from rallypoint.domains.booking.api import BusyRequest, ExternalEvent, Interval
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction

LONG = 7 * clock.DAY
_BATCH = 500
_KEPT = clock.DAY
_AT_ONCE = 25
_ROW = "(?, ?, ?, ?, ?, ?)"
_UPSERT = (
    "INSERT INTO booking_busy_blocks (id, connection_id, start_at, end_at, is_long, run) VALUES {}"
    " ON CONFLICT (id) DO UPDATE SET start_at = excluded.start_at, end_at = excluded.end_at,"
    " is_long = excluded.is_long, run = excluded.run"
)
# A statement of many rows takes three quarters of the time of as many statements; more rows in it gain little.
_UPSERT_MANY, _UPSERT_ONE = _UPSERT.format(", ".join([_ROW] * _AT_ONCE)), _UPSERT.format(_ROW)
_OF_USER = (
    "SELECT b.start_at, b.end_at FROM booking_calendar_cursors c"
    " JOIN booking_busy_blocks b ON b.connection_id = c.connection_id"
    " WHERE c.account_id = ? AND c.user_id = ? AND c.mode = ?"
)
# What is long is looked for apart, so that neither part reads more than what is near.
_BUSY = (
    f"{_OF_USER} AND b.is_long = ? AND b.start_at > ? AND b.start_at < ? AND b.end_at > ?"
    f" UNION ALL {_OF_USER} AND b.is_long = ? AND b.start_at < ? AND b.end_at > ? LIMIT ?"
)
_CALENDARS = (
    "SELECT connection_id FROM booking_calendar_cursors WHERE connection_id > ? ORDER BY connection_id"
    " LIMIT ?"
)
_OLD = "connection_id = ? AND is_long = ? AND start_at < ? AND end_at < ?"
_ANY_OLD = f"SELECT 1 FROM booking_busy_blocks WHERE {_OLD} LIMIT 1"  # noqa: S608 - constants alone
_MOST = 5_000


def block_id(connection_id: str, event_id: str) -> str:
    """Return the id of the block of an event."""
    return f"{connection_id}/{event_id}"


async def write(tx: Transaction, connection_id: str, run: int, events: Iterable[ExternalEvent]) -> None:
    """Let events with times take up their time; no event comes twice."""
    rows = [
        (f"{connection_id}/{event.id}", connection_id, start, end, end - start > LONG, run)
        for event in events
        if (start := event.start) is not None and (end := event.end) is not None
    ]
    many = len(rows) - len(rows) % _AT_ONCE
    batches = [tuple(chain.from_iterable(rows[at : at + _AT_ONCE])) for at in range(0, many, _AT_ONCE)]
    if batches:  # in one trip to the database, whichever it is
        await tx.execute_many(_UPSERT_MANY, batches)
    if rows[many:]:
        await tx.execute_many(_UPSERT_ONE, rows[many:])


async def drop(tx: Transaction, connection_id: str, event_ids: Iterable[str]) -> None:
    """Let events take up no time."""
    rows = [(block_id(connection_id, event_id),) for event_id in event_ids]
    if rows:
        await tx.execute_many("DELETE FROM booking_busy_blocks WHERE id = ?", rows)


async def drop_unseen(database: Database, connection_id: str, run: int) -> None:
    """Delete what a full look has not found any more, a batch at a time."""
    await _delete(database, "connection_id = ? AND run <> ?", connection_id, run)


async def prune(database: Database) -> None:
    """Delete what is over, calendar by calendar: what blocks time is found by its calendar alone."""
    at, after = clock.now() - _KEPT, ""
    while calendars := await database.fetch(_CALENDARS, after, _BATCH):
        for row in calendars:
            after = row["connection_id"]
            await _prune(database, after, False, at - LONG, at)
            await _prune(database, after, True, at, at)


async def _prune(database: Database, connection_id: str, is_long: bool, begun: int, over: int) -> None:
    old = (connection_id, is_long, begun, over)
    if await database.fetch(_ANY_OLD, *old):
        await _delete(database, _OLD, *old)


async def busy(database: Database, request: BusyRequest) -> Sequence[Interval]:
    """Return the times that a user's calendars say are taken."""
    user = (request.account_id, request.user_id, request.mode)
    rows = await database.fetch(
        _BUSY,
        *user,
        False,
        request.start - LONG,
        request.end,
        request.start,
        *user,
        True,
        request.end,
        request.start,
        _MOST,
    )
    return [Interval(row["start_at"], row["end_at"]) for row in rows]


async def _delete(database: Database, condition: str, *args: object) -> None:
    sql = (
        "DELETE FROM booking_busy_blocks WHERE id IN"  # noqa: S608 - conditions are constants of this module
        f" (SELECT id FROM booking_busy_blocks WHERE {condition} LIMIT ?)"
    )
    while True:
        async with database.transaction() as tx:
            if await tx.execute(sql, *args, _BATCH) < _BATCH:
                return
