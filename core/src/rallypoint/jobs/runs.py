"""The rows of scheduled work: made, claimed, settled, parked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

_MAX_ERROR = 300
_INSERT = (
    "INSERT INTO scheduled_runs (id, plugin, task, connection_id, next_at, claimed_until, fence, failures,"
    " last_error) "
)


@dataclass(frozen=True, slots=True)
class Result:
    """How a run went.

    Args:
        next_at: Milliseconds; None parks the row.
        error: Empty for success.
        failures: In a row, this one included.
    """

    next_at: int | None
    error: str = ""
    failures: int = 0


def run_id(plugin: str, task: str, connection_id: str = "") -> str:
    """Return the id of a row."""
    return f"{plugin}/{task}/{connection_id}"


async def last_success(database: Database, connection_id: str) -> int | None:
    """Return when a task of a connection last ended well, in milliseconds; None when none has."""
    row = await database.fetch_one(
        "SELECT MAX(last_success_at) AS at FROM scheduled_runs WHERE connection_id = ?", connection_id
    )
    return None if row is None or row["at"] is None else int(row["at"])


async def ensure_global(tx: Transaction, plugin: str, task: str) -> None:
    """Make the row of a global task, due now."""
    await tx.execute(
        _INSERT + "VALUES (?, ?, ?, '', ?, 0, 0, 0, '') ON CONFLICT (id) DO NOTHING",
        run_id(plugin, task),
        plugin,
        task,
        clock.now(),
    )


async def ensure_for_service(tx: Transaction, plugin: str, task: str, service: str) -> None:
    """Make the rows of a task that connections of its service lack: those made before the task was."""
    await tx.execute(
        _INSERT  # noqa: S608 - two constants
        + "SELECT CAST(? AS TEXT) || c.id, CAST(? AS TEXT), CAST(? AS TEXT), c.id, c.updated_at,"
        " 0, 0, 0, '' FROM connections c WHERE c.service = ? AND c.mode = 'live' AND c.state = 'connected'"
        " ON CONFLICT (id) DO NOTHING",
        run_id(plugin, task),
        plugin,
        task,
        service,
    )


async def make_due(tx: Transaction, plugin: str, task: str, connection_id: str) -> None:
    """Let a row run now, made if it is missing, its failures forgotten."""
    await tx.execute(
        _INSERT + "VALUES (?, ?, ?, ?, ?, 0, 0, 0, '')"
        " ON CONFLICT (id) DO UPDATE SET next_at = excluded.next_at, failures = 0, last_error = ''",
        run_id(plugin, task, connection_id),
        plugin,
        task,
        connection_id,
        clock.now(),
    )


async def park(tx: Transaction, connection_id: str, reason: str) -> None:
    """Stop the rows of a connection until :func:`make_due`."""
    await tx.execute(
        "UPDATE scheduled_runs SET next_at = NULL, last_error = ? WHERE connection_id = ?",
        reason[:_MAX_ERROR],
        connection_id,
    )


async def remove(tx: Transaction, connection_id: str) -> None:
    """Delete the rows of a connection."""
    await tx.execute("DELETE FROM scheduled_runs WHERE connection_id = ?", connection_id)


async def unpark_config(tx: Transaction, plugin: str) -> None:
    """Try again what was parked for a bad setting: the settings may have been mended since."""
    await tx.execute(
        "UPDATE scheduled_runs SET next_at = ?, failures = 0 WHERE plugin = ? AND next_at IS NULL"
        " AND (connection_id = '' OR connection_id IN (SELECT id FROM connections WHERE state = 'connected'))",
        clock.now(),
        plugin,
    )


async def end_claims(tx: Transaction) -> None:
    """End every claim: for a process that knows itself alone."""
    await tx.execute("UPDATE scheduled_runs SET claimed_until = 0, fence = fence + 1 WHERE claimed_until > 0")


async def remove_orphans(tx: Transaction) -> None:
    """Delete the rows of connections that were removed while their plugin was absent."""
    await tx.execute(
        "DELETE FROM scheduled_runs WHERE connection_id <> ''"
        " AND connection_id NOT IN (SELECT id FROM connections)"
    )


async def due(database: Database, plugin: str, task: str, limit: int) -> list[str]:
    """Return the ids of rows that are due and not claimed, the longest waiting first."""
    at = clock.now()
    rows = await database.fetch(
        "SELECT id FROM scheduled_runs WHERE plugin = ? AND task = ? AND next_at <= ? AND claimed_until <= ?"
        " ORDER BY next_at LIMIT ?",
        plugin,
        task,
        at,
        at,
        limit,
    )
    return [row["id"] for row in rows]


async def claim(database: Database, wanted: Sequence[tuple[str, float]]) -> list[Row | None]:
    """Take rows that are due, each for so many seconds.

    Args:
        database: Where the rows are.
        wanted: Ids, none twice, each with its seconds.

    Returns:
        The rows in the order of their ids given; None for one that is not due or that another process has.
    """
    at, taken = clock.now(), {}
    async with database.transaction() as tx:
        for row_id, ttl in sorted(wanted):
            taken[row_id] = await tx.fetch_one(
                "UPDATE scheduled_runs SET claimed_until = ?, fence = fence + 1, last_started_at = ?"
                " WHERE id = ? AND next_at <= ? AND claimed_until <= ? RETURNING *",
                at + round(ttl * 1000),
                at,
                row_id,
                at,
                at,
            )
    return [taken[row_id] for row_id, _ in wanted]


async def settle(database: Database, ended: Sequence[tuple[Row, Result]]) -> list[None]:
    """Write how claimed runs went, except where the claim holds no more.

    A row that was made due, or parked, while it ran keeps that.
    """
    at = clock.now()
    async with database.transaction() as tx:
        await tx.execute_many(
            "UPDATE scheduled_runs SET claimed_until = 0, last_finished_at = ?, failures = ?, last_error = ?,"
            " last_success_at = COALESCE(?, last_success_at),"
            " next_at = CASE WHEN next_at = ? THEN ? ELSE next_at END WHERE id = ? AND fence = ?",
            [
                (
                    at,
                    result.failures,
                    result.error[:_MAX_ERROR],
                    None if result.error else at,
                    row["next_at"],
                    result.next_at,
                    row["id"],
                    row["fence"],
                )
                for row, result in sorted(ended, key=lambda one: str(one[0]["id"]))
            ],
        )
    return [None] * len(ended)
