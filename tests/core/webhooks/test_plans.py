"""The queries of the hot paths find their rows by index, however many finished ones there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rallypoint.storage.database import Database, Transaction
from rallypoint.webhooks.reading import _items_sql

QUERIES = {
    "lanes that are due": (
        "SELECT id FROM webhook_lanes WHERE shard = ? AND next_at <= ? AND (next_at, id) > (?, ?)"
        " ORDER BY next_at, id LIMIT ?",
        (0, 1, 0, "", 1),
    ),
    "next deliveries of lanes": (_items_sql(2), (39, "a", "b")),
    "events to fan out": ("SELECT subject FROM events WHERE fan_at > 0 ORDER BY fan_at, id LIMIT ?", (1,)),
    "events to push": ("SELECT id FROM events WHERE push_at <= ?", (1,)),
    "targets of subjects": (
        "SELECT id FROM webhook_targets WHERE state = 'active' AND subject IN (?, ?)",
        "ab",
    ),
    "deliveries of a target": (
        "SELECT id FROM webhook_deliveries WHERE target_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
        ("a", "b", 1),
    ),
    "attempts of a delivery": (
        "SELECT id FROM webhook_attempts WHERE delivery_id IN (?, ?) ORDER BY id",
        "ab",
    ),
    "events of a topic": (
        "SELECT id FROM events WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?",
        ("a", 1, 1),
    ),
    "reactions that are due": (
        "SELECT id FROM event_reactions WHERE plugin = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?",
        ("a", 1, 1),
    ),
    "receipts that are due": (
        "SELECT id FROM webhook_receipts WHERE provider = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?",
        ("a", 1, 1),
    ),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_no_table_is_scanned(name: str, database: Database) -> None:
    sql, arguments = QUERIES[name]
    async with database.transaction() as tx:
        steps = await plan(tx, sql, arguments, sqlite=database.is_sqlite)
    assert steps
    assert not [step for step in steps if step.startswith("SCAN") or "Seq Scan" in step], steps


async def plan(tx: Transaction, sql: str, arguments: Sequence[Any], *, sqlite: bool) -> list[str]:
    if sqlite:
        return [row["detail"] for row in await tx.fetch(f"EXPLAIN QUERY PLAN {sql}", *arguments)]
    await tx.execute(
        "SET LOCAL enable_seqscan = off"
    )  # empty tables are scanned unless there is no other way
    return [row["QUERY PLAN"] for row in await tx.fetch(f"EXPLAIN {sql}", *arguments)]
