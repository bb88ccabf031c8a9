"""Puts deliveries into their lanes; the one writer of new rows, for the fan-out and for replays."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id

DRAIN = "webhooks.drain"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event for a target.

    Args:
        lane: Name of the lane within the target: the event's subject, or one of its own for a replay.
        seq: Order in the lane; a second entry with the same one is ignored.
        replay_of: Id of the delivery that this repeats.
    """

    target_id: str
    lane: str
    seq: int
    event_id: str
    event_type: str
    replay_of: str | None = None

    @property
    def lane_id(self) -> str:
        """The lane's id, unique on the server."""
        return f"{self.target_id}/{self.lane}"


def shards_of(database: Database) -> int:
    """Return among how many drains targets are spread: with one writer and one process, more only cost."""
    return 1 if database.is_sqlite else 16


async def enqueue(tx: Transaction, entries: Sequence[Entry], at: int, shards: int) -> dict[Entry, str]:
    """Write deliveries, due at once unless their lane is waiting.

    Args:
        tx: Of the caller, who wakes the drain after it.
        entries: Those of one lane in ascending order.
        at: Milliseconds.
        shards: See :func:`shards_of`.

    Returns:
        The deliveries' ids.
    """
    ids = {entry: new_id() for entry in entries}
    await tx.execute_many(
        "INSERT INTO webhook_deliveries (id, target_id, lane_id, seq, event_id, event_type, state, attempts,"
        " replay_of, created_at) VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?) ON CONFLICT DO NOTHING",
        [
            (id_, e.target_id, e.lane_id, e.seq, e.event_id, e.event_type, e.replay_of, at)
            for e, id_ in ids.items()
        ],
    )
    await tx.execute_many(
        "INSERT INTO webhook_lanes (id, target_id, shard, done_seq, last_seq, attempts, next_at)"
        " VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (id) DO UPDATE SET last_seq = excluded.last_seq"
        " WHERE excluded.last_seq > webhook_lanes.last_seq",
        [
            (lane_id, first.target_id, shard_of(first.target_id, shards), first.seq - 1, last, at)
            for lane_id, (first, last) in sorted(_spans(entries).items())
        ],
    )
    return ids


def shard_of(target_id: str, shards: int) -> int:
    """Return the drain that serves a target."""
    return zlib.crc32(target_id.encode()) % shards


def wake_keys(entries: Sequence[Entry], shards: int) -> list[str]:
    """Return the keys to wake the task :data:`DRAIN` with."""
    return [str(shard) for shard in sorted({shard_of(entry.target_id, shards) for entry in entries})]


def _spans(entries: Sequence[Entry]) -> dict[str, tuple[Entry, int]]:
    spans: dict[str, tuple[Entry, int]] = {}
    for entry in entries:
        first, _ = spans.get(entry.lane_id, (entry, 0))
        spans[entry.lane_id] = (first, entry.seq)
    return spans
