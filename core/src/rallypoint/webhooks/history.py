"""Past deliveries: the log of attempts, and replays of one or of a stretch of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rallypoint.errors import Conflict, NotFound
from rallypoint.identity.api import Mode
from rallypoint.jobs.api import Jobs
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.webhooks.queue import DRAIN, Entry, enqueue, shards_of, wake_keys
from rallypoint.webhooks.targets import Target

MAX_REPLAYED = 10_000


class History:
    """Deliveries of all targets; callers have checked whose they are, or pass the account.

    Args:
        database: Where the rows are.
        jobs: Woken for replays.
    """

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database, self._jobs = database, jobs

    async def page(self, target_id: str, before: str, limit: int) -> list[dict[str, Any]]:
        """Return up to ``limit`` deliveries with their attempts, newest first, older than the one ``before``."""
        rows = await self._database.fetch(
            "SELECT id, event_id, event_type, state, attempts, replay_of, created_at, finished_at"
            " FROM webhook_deliveries WHERE target_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
            target_id,
            before or "g",  # above every id in any collation
            limit,
        )
        attempts = await self._attempts([row["id"] for row in rows])
        return [delivery_document(row, attempts.get(row["id"], [])) for row in rows]

    async def replay(self, account_id: str, mode: Mode, delivery_id: str) -> dict[str, Any]:
        """Send one delivery again, outside the order, and return the new delivery.

        Raises:
            NotFound: There is none in this account, or its event is no longer kept.
            Conflict: The target is switched off.
        """
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "SELECT d.id, d.target_id, d.event_id, d.event_type, t.state AS target_state"
                " FROM webhook_deliveries d JOIN webhook_targets t ON t.id = d.target_id"
                " JOIN events e ON e.id = d.event_id WHERE d.id = ? AND t.account_id = ? AND t.mode = ?",
                delivery_id,
                account_id,
                mode,
            )
            if row is None:
                raise NotFound("There is no such delivery")
            _must_be_active(row["target_state"])
            [new] = await self._enqueue(tx, [row])
            created = await tx.fetch_one("SELECT * FROM webhook_deliveries WHERE id = ?", new)
        assert created is not None
        return delivery_document(created, [])

    async def replay_range(self, target: Target, since: int, until: int) -> int:
        """Send again what was delivered, or should have been, in a stretch of time, and return how much.

        Args:
            target: Checked to be the caller's.
            since: Milliseconds, included.
            until: Milliseconds, excluded.

        Raises:
            Conflict: The target is switched off, or the stretch holds more than ``MAX_REPLAYED``.
        """
        _must_be_active(target.state)
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                "SELECT d.id, d.target_id, d.event_id, d.event_type FROM webhook_deliveries d"
                " JOIN events e ON e.id = d.event_id WHERE d.target_id = ? AND d.id >= ? AND d.id < ?"
                " AND d.replay_of IS NULL ORDER BY d.id LIMIT ?",
                target.id,
                first_id(since),
                first_id(until),
                MAX_REPLAYED + 1,
            )
            if len(rows) > MAX_REPLAYED:
                raise Conflict(f"More than {MAX_REPLAYED} deliveries: choose a shorter stretch of time")
            if rows:
                await self._enqueue(tx, rows)
        return len(rows)

    async def _enqueue(self, tx: Transaction, rows: Sequence[Row]) -> list[str]:
        shards = shards_of(self._database)
        entries = [
            Entry(row["target_id"], f"replay:{new_id()}", 1, row["event_id"], row["event_type"], row["id"])
            for row in rows
        ]
        ids = await enqueue(tx, entries, clock.now(), shards)
        for key in wake_keys(entries, shards):
            tx.after_commit(partial(self._jobs.wake, DRAIN, key))
        return list(ids.values())

    async def _attempts(self, delivery_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        if not delivery_ids:
            return {}
        marks = ", ".join("?" * len(delivery_ids))
        rows = await self._database.fetch(
            "SELECT delivery_id, at, duration_ms, status, error, reply FROM webhook_attempts"  # noqa: S608 - question marks alone
            f" WHERE delivery_id IN ({marks}) ORDER BY id",
            *delivery_ids,
        )
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            found.setdefault(row["delivery_id"], []).append(_attempt_document(row))
        return found


def first_id(at: int) -> str:
    """Return what every UUIDv7 made at or after ``at`` (ms) is not below (RFC 9562 §5.7)."""
    digits = f"{max(at, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def delivery_document(row: Mapping[str, Any], tries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a delivery as the API shows it."""
    return {
        "id": row["id"],
        "event_id": row["event_id"],
        "event": row["event_type"],
        "state": row["state"],
        "attempts": list(tries),
        "replay_of": row["replay_of"],
        "created_at": clock.rfc3339(row["created_at"]),
        "finished_at": clock.rfc3339_or_none(row["finished_at"]),
    }


def _attempt_document(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": clock.rfc3339(row["at"]),
        "duration_ms": row["duration_ms"],
        "status": row["status"],
        "error": row["error"] or None,
        "reply": bytes(row["reply"]).decode("utf-8", "replace"),
    }


def _must_be_active(state: str) -> None:
    if state != "active":
        raise Conflict("The webhook is switched off; give it a URL again first")
