"""Retention: what grows without end is deleted in batches, each in a transaction of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.webhooks.history import first_id

_BATCH = 500
_EVENTS: Final = (
    "SELECT id FROM events WHERE id < ? AND fan_at IS NULL"
    " AND id NOT IN (SELECT event_id FROM event_reactions)"
    " AND id NOT IN (SELECT d.event_id FROM webhook_lanes l JOIN webhook_deliveries d"
    " ON d.lane_id = l.id AND d.seq > l.done_seq) ORDER BY id LIMIT ?"
)
_DELIVERIES: Final = (
    "SELECT id FROM webhook_deliveries WHERE id < ? AND state <> 'pending' ORDER BY id LIMIT ?"
)
_RECEIPTS: Final = "SELECT id FROM webhook_receipts WHERE id < ? AND state <> 'pending' ORDER BY id LIMIT ?"


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted."""

    events: int = 0
    deliveries: int = 0
    receipts: int = 0


async def prune(database: Database, settings: Settings) -> Pruned:
    """Delete what is older than the settings' retention; what is still to be done stays, however old.

    Args:
        database: Open.
        settings: ``retention_events``, ``retention_attempts`` and ``retention_receipts``.
    """
    at = clock.now()
    deliveries = await _prune(
        database, _DELIVERIES, at - _ms(settings.retention_attempts), "webhook_deliveries", "webhook_attempts"
    )
    receipts = await _prune(database, _RECEIPTS, at - _ms(settings.retention_receipts), "webhook_receipts")
    before = at - _ms(settings.retention_events)
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM event_reactions WHERE next_at IS NULL AND created_at < ?", before)
    return Pruned(await _prune(database, _EVENTS, before, "events"), deliveries, receipts)


async def _prune(database: Database, select: str, before: int, table: str, children: str = "") -> int:
    """Delete the rows that ``select`` finds, ids being as old as they say, and the attempts of deliveries."""
    total = 0
    while rows := await database.fetch(select, first_id(before), _BATCH):
        ids = [row["id"] for row in rows]
        marks = ", ".join("?" * len(ids))
        async with database.transaction() as tx:
            if children:
                await tx.execute(f"DELETE FROM {children} WHERE delivery_id IN ({marks})", *ids)  # noqa: S608
            await tx.execute(f"DELETE FROM {table} WHERE id IN ({marks})", *ids)  # noqa: S608 - our own names
        total += len(ids)
    return total


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
