"""Reads due lanes, their next deliveries and their targets, each many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from rallypoint.events.rows import SELECT, event_of
from rallypoint.events.types import Event
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row
from rallypoint.webhooks.lanes import Destination
from rallypoint.webhooks.targets import SecretBox

LANES_A_PAGE = 500
ITEMS_A_LANE = 40
LANES_A_READ = 10


class Reader:
    """Reads of all drains of a process.

    Args:
        database: Where the rows are.
        vault: Decrypts the targets' secrets.
    """

    def __init__(self, database: Database, vault: SecretBox) -> None:
        self._database = database
        self._decrypt = lru_cache(maxsize=10_000)(vault.decrypt)

    async def due_lanes(self, shard: int, at: int, after: tuple[int, str]) -> list[Row]:
        """Return a page of lanes that are due at ``at``, those due longest first.

        Args:
            shard: Of the drain.
            at: Milliseconds.
            after: ``next_at`` and id of the last lane of the page before.
        """
        return await self._database.fetch(
            "SELECT id, target_id, done_seq, last_seq, attempts, next_at FROM webhook_lanes"
            " WHERE shard = ? AND next_at <= ? AND (next_at, id) > (?, ?) ORDER BY next_at, id LIMIT ?",
            shard,
            at,
            *after,
            LANES_A_PAGE,
        )

    async def next_due(self, shard: int) -> int | None:
        """Return when the shard's next lane is due, in milliseconds; None when there is none."""
        row = await self._database.fetch_one(
            "SELECT MIN(next_at) AS next_at FROM webhook_lanes WHERE shard = ?", shard
        )
        return None if row is None else row["next_at"]

    async def items(self, lane_ids: Sequence[str]) -> list[Row]:
        """Return the next deliveries of up to ``LANES_A_READ`` lanes with their bodies, lane by lane, in order."""
        return await self._database.fetch(_items_sql(len(lane_ids)), ITEMS_A_LANE - 1, *lane_ids)

    async def events(self, ids: Iterable[str]) -> dict[str, Event]:
        """Return whole events by id."""
        wanted = list(ids)
        rows: list[Row] = []
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            rows += await self._database.fetch(SELECT + f"WHERE id IN ({_marks(len(some))})", *some)
        return {row["id"]: event_of(row) for row in rows}

    async def refresh(self, known: Mapping[str, Destination], ids: Sequence[str]) -> list[Destination]:
        """Read targets, those known into the objects they have; what is gone or switched off gets closed.

        Returns:
            The targets that are not known yet.
        """
        fresh: list[Destination] = []
        missing = set(ids)
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            for row in await self._database.fetch(_targets_sql(len(some)), *some):
                missing.discard(row["id"])
                destination = known.get(row["id"])
                if destination is None:
                    fresh.append(self._destination(row))
                else:
                    destination.url, destination.secrets = row["url"], self._secrets(row)
        for id_ in missing & known.keys():
            known[id_].closed = known[id_].closed or "gone"
        return fresh

    def _destination(self, row: Row) -> Destination:
        return Destination(row["id"], row["kind"], row["url"], self._secrets(row), row["failing_since"])

    def _secrets(self, row: Row) -> tuple[str, ...]:
        present = self._decrypt(row["secret"])
        if row["previous_secret"] is None or row["previous_until"] <= clock.now():
            return (present,)
        return present, self._decrypt(row["previous_secret"])


def _marks(count: int) -> str:
    return ", ".join("?" * count)


@lru_cache(maxsize=64)
def _items_sql(lanes: int) -> str:
    """The bound is a scalar, so that both databases turn it into a range of the index on (lane_id, seq)."""
    return (
        "SELECT d.lane_id, d.id, d.seq, d.event_id, e.body FROM webhook_lanes l"  # noqa: S608 - question marks alone
        " JOIN webhook_deliveries d ON d.lane_id = l.id AND d.seq > l.done_seq AND d.seq <= COALESCE("
        "(SELECT x.seq FROM webhook_deliveries x WHERE x.lane_id = l.id AND x.seq > l.done_seq"
        " AND x.state = 'pending' ORDER BY x.seq LIMIT 1 OFFSET ?), l.last_seq)"
        " JOIN events e ON e.id = d.event_id"
        f" WHERE l.id IN ({_marks(lanes)}) AND d.state = 'pending' ORDER BY d.lane_id, d.seq"
    )


@lru_cache(maxsize=600)
def _targets_sql(count: int) -> str:
    return (
        "SELECT id, kind, url, secret, previous_secret, previous_until, failing_since FROM webhook_targets"  # noqa: S608
        f" WHERE state = 'active' AND id IN ({_marks(count)})"
    )
