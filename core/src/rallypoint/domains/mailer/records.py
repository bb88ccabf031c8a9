"""The SQL of the queue. The head of each lane alone has a ``next_at``; when it is done, the next one gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.errors import Conflict
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.webhooks.history import first_id

MAX_ATTEMPTS_KEPT = 50
"""Of one message: an outage of days has hundreds that say the same."""
_MAX_DETAIL = 300


async def insert(tx: Transaction, columns: Mapping[str, Any]) -> str | None:
    """Put a message at the end of its lane; None when the account has one with its key.

    Args:
        tx: Of the caller.
        columns: All but ``position`` and ``next_at``, which follow from the lane.
    """
    lane = columns["lane"]
    await tx.hold(f"mailer/{lane}")
    row = await tx.fetch_one(
        "SELECT MAX(position) AS last, COUNT(CASE WHEN state = 'queued' THEN 1 END) AS waiting"
        " FROM mailer_messages WHERE lane = ?",
        lane,
    )
    last, waiting = (row["last"] or 0, row["waiting"]) if row is not None else (0, 0)
    due = columns["not_before"] if columns["state"] == "queued" and not waiting else None
    values = {**columns, "position": last + 1, "next_at": due}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    made = await tx.fetch_one(
        f"INSERT INTO mailer_messages ({names}) VALUES ({marks})"  # noqa: S608 - names of columns
        " ON CONFLICT (account_id, mode, message_key) DO NOTHING RETURNING id",
        *values.values(),
    )
    return None if made is None else str(made["id"])


async def by_key(tx: Transaction, account_id: str, mode: str, key: str) -> str:
    """Return the id of the account's message with this key."""
    row = await tx.fetch_one(
        "SELECT id FROM mailer_messages WHERE account_id = ? AND mode = ? AND message_key = ?",
        account_id,
        mode,
        key,
    )
    if row is None:
        raise LookupError(key)
    return str(row["id"])


async def withdraw(tx: Transaction, account_id: str, mode: str, key: str) -> bool:
    """Take back a message that nobody has begun to send; tells whether it was."""
    row = await tx.lock(
        "SELECT * FROM mailer_messages WHERE account_id = ? AND mode = ? AND message_key = ?",
        account_id,
        mode,
        key,
    )
    if row is None or row["state"] not in ("queued", "recorded") or row["started_at"] is not None:
        return False
    await finish(tx, row, "withdrawn")
    return True


async def begin(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Mark messages as about to be sent, after which they cannot be withdrawn; return those not withdrawn yet."""
    marks = ", ".join("?" * len(ids))
    rows = await tx.fetch(
        "UPDATE mailer_messages SET started_at = COALESCE(started_at, ?)"  # noqa: S608 - question marks alone
        f" WHERE id IN ({marks}) AND state = 'queued' RETURNING id",
        clock.now(),
        *ids,
    )
    return {row["id"] for row in rows}


async def due(database: Database, limit: int) -> list[Row]:
    """Return messages whose time has come, the longest waiting first."""
    return await database.fetch(
        "SELECT * FROM mailer_messages WHERE next_at <= ? ORDER BY next_at, id LIMIT ?", clock.now(), limit
    )


async def next_due(database: Database) -> int | None:
    """Return when the next message is due (ms)."""
    row = await database.fetch_one("SELECT MIN(next_at) AS next_at FROM mailer_messages")
    return None if row is None else row["next_at"]


async def lock(tx: Transaction, message_id: str) -> Row | None:
    """Return a message as it is now, held until the transaction ends; None when it was deleted."""
    return await tx.lock("SELECT * FROM mailer_messages WHERE id = ?", message_id)


async def note(
    tx: Transaction, message: Row, *, at: int, duration_ms: int, outcome: str, transport: str, detail: str
) -> None:
    """Write down a try."""
    await tx.execute(
        "INSERT INTO mailer_attempts (message_id, account_id, at, duration_ms, outcome, transport, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        message["id"],
        message["account_id"],
        at,
        duration_ms,
        outcome,
        transport,
        detail[:_MAX_DETAIL],
    )
    await tx.execute(
        "DELETE FROM mailer_attempts WHERE message_id = ? AND id <= (SELECT id FROM mailer_attempts"
        " WHERE message_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        message["id"],
        message["id"],
        MAX_ATTEMPTS_KEPT,
    )


async def postpone(tx: Transaction, message_id: str, *, next_at: int, error: str, counts: bool) -> None:
    """Have a message wait; ``counts`` says whether the try was about this message."""
    await tx.execute(
        "UPDATE mailer_messages SET next_at = ?, error = ?, attempts = attempts + ? WHERE id = ?"
        " AND state = 'queued'",
        next_at,
        error[:_MAX_DETAIL],
        int(counts),
        message_id,
    )


async def readdress(tx: Transaction, message_id: str, envelope: str) -> None:
    """Write down who is still to be reached."""
    await tx.execute("UPDATE mailer_messages SET envelope = ? WHERE id = ?", envelope, message_id)


async def finish(tx: Transaction, message: Row, state: str, error: str = "") -> None:
    """End a message, and let the next one of its lane go; what was sent keeps its envelope alone."""
    await tx.hold(f"mailer/{message['lane']}")
    at = clock.now()
    await tx.execute(
        "UPDATE mailer_messages SET state = ?, error = ?, next_at = NULL, finished_at = ?,"
        " attempts = attempts + ?, content = CASE WHEN ? = 'sent' THEN '' ELSE content END WHERE id = ?",
        state,
        error[:_MAX_DETAIL],
        at,
        int(state != "withdrawn"),
        state,
        message["id"],
    )
    await promote(tx, message["lane"], at)


async def requeue(tx: Transaction, message_id: str, expires_at: int) -> None:
    """Put a failed message at the end of its lane again.

    Raises:
        Conflict: It has not failed.
    """
    row = await tx.fetch_one("SELECT lane FROM mailer_messages WHERE id = ?", message_id)
    lane = "" if row is None else row["lane"]
    await tx.hold(f"mailer/{lane}")
    changed = await tx.execute(
        "UPDATE mailer_messages SET state = 'queued', finished_at = NULL, attempts = 0, expires_at = ?,"
        " position = (SELECT MAX(position) + 1 FROM mailer_messages WHERE lane = ?)"
        " WHERE id = ? AND state = 'failed' AND content <> ''",
        expires_at,
        lane,
        message_id,
    )
    if not changed:
        raise Conflict("Only a message that failed can be sent again")
    await promote(tx, lane, clock.now())


async def prune(database: Database, before: int, limit: int) -> int:
    """Delete messages that were over before ``before`` (ms), and their tries; return how many."""
    rows = await database.fetch(
        "SELECT id FROM mailer_messages WHERE id < ? AND state <> 'queued' AND finished_at < ?"
        " ORDER BY id LIMIT ?",
        first_id(before),
        before,
        limit,
    )
    if rows:
        ids = [row["id"] for row in rows]
        marks = ", ".join("?" * len(ids))
        async with database.transaction() as tx:
            await tx.execute(f"DELETE FROM mailer_attempts WHERE message_id IN ({marks})", *ids)  # noqa: S608
            await tx.execute(f"DELETE FROM mailer_messages WHERE id IN ({marks})", *ids)  # noqa: S608
    return len(rows)


async def promote(tx: Transaction, lane: str, at: int) -> None:
    """Make the first waiting message of a lane its head; one that is its head already stays as it is."""
    await tx.execute(
        "UPDATE mailer_messages SET next_at = COALESCE(next_at, CASE WHEN not_before > ? THEN not_before"
        " ELSE ? END) WHERE id = (SELECT id FROM mailer_messages"
        " WHERE lane = ? AND state = 'queued' ORDER BY position LIMIT 1)",
        at,
        at,
        lane,
    )
