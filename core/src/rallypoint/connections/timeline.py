"""What happened to a connection and when: for its owner, and for the operator whom the owner asks.

One row for each kind of thing with its count and last time, so that a line costs one statement however often it is
written; state changes and failures also go to a log of the latest hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id

Kind = Literal[
    "connected",
    "refreshed",
    "pushed",
    "polled",
    "cursor",
    "renewal",
    "failed",
    "needs_reauth",
    "recovered",
    "notified",
    "conflict",
    "skipped",
]
LOGGED = frozenset({"connected", "failed", "needs_reauth", "recovered", "conflict", "skipped"})
LOG_LENGTH = 100
MAX_DETAIL = 300
_MARK = (
    "INSERT INTO connection_marks (id, connection_id, kind, count, last_at, until, detail)"
    " SELECT CAST(? AS TEXT), id, CAST(? AS TEXT), 1, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT)"
    " FROM connections WHERE id = ?"
    " ON CONFLICT (id) DO UPDATE SET count = connection_marks.count + 1, last_at = excluded.last_at,"
    " until = excluded.until, detail = excluded.detail"
)
_LOG = "INSERT INTO connection_log (id, connection_id, at, kind, detail) VALUES (?, ?, ?, ?, ?)"
_TRIM = (
    "DELETE FROM connection_log WHERE connection_id = ? AND id < (SELECT id FROM connection_log"
    " WHERE connection_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """When something last happened.

    Args:
        kind: What.
        count: How often so far.
        last_at: Milliseconds.
        until: When it is to happen again, or ends; None when that is not known.
        detail: One sentence; no secrets.
    """

    kind: str
    count: int
    last_at: int
    until: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    at: int
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that is known of a connection's past.

    Args:
        marks: The latest first.
        log: The latest first.
    """

    marks: Sequence[Mark]
    log: Sequence[Entry]


async def note(
    tx: Transaction, connection_id: str, kind: Kind, *, at: int, until: int | None = None, detail: str = ""
) -> None:
    """Write a line; nothing happens when the connection is gone."""
    text = detail.replace("\x00", "")[:MAX_DETAIL]
    mark = f"{connection_id}/{kind}"
    found = await tx.execute(_MARK, mark, kind, at, until, text, connection_id)
    if found and kind in LOGGED:
        await tx.execute(_LOG, new_id(), connection_id, at, kind, text)
        await tx.execute(_TRIM, connection_id, connection_id, LOG_LENGTH - 1)


async def read(database: Database, connection_id: str) -> Timeline:
    """Return a connection's timeline."""
    marks = await database.fetch(
        "SELECT kind, count, last_at, until, detail FROM connection_marks WHERE connection_id = ?"
        " ORDER BY last_at DESC, kind",
        connection_id,
    )
    log = await database.fetch(
        "SELECT at, kind, detail FROM connection_log WHERE connection_id = ? ORDER BY id DESC", connection_id
    )
    return Timeline(
        [Mark(row["kind"], row["count"], row["last_at"], row["until"], row["detail"]) for row in marks],
        [Entry(row["at"], row["kind"], row["detail"]) for row in log],
    )


async def forget(tx: Transaction, connection_id: str) -> None:
    """Delete a connection's timeline."""
    await tx.execute("DELETE FROM connection_marks WHERE connection_id = ?", connection_id)
    await tx.execute("DELETE FROM connection_log WHERE connection_id = ?", connection_id)
