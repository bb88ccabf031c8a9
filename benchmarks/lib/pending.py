"""Deliveries for running servers and workers: written, held back, and let go all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from lib.deliver import Engine, aim, raise_events, stored
from rallypoint.storage import clock
from rallypoint.storage.database import Row, Transaction
from rallypoint.testing.cluster import SECRET_KEY
from rallypoint.webhooks.queue import DRAIN, Entry, enqueue, shards_of

NEVER = 2**53
POLL_SECONDS = 0.01


class Pending:
    """Deliveries in the database of servers that run; use :func:`pending`.

    Args:
        engine: Open on that database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._database = engine.database

    async def hold(self, rooms: int, port: int, count: int) -> list[dict[str, str]]:
        """Write ``count`` deliveries of as many events to ``rooms`` targets, and return what will be sent.

        Their events count as pushed and fanned out in the same transaction, so that nobody but the drain has
        anything to do for them.
        """
        targets = await aim(self._engine, rooms, port)
        async with self._database.transaction() as tx:
            work = await raise_events(self._engine, targets, count)
            entries = await _entries(tx, {row["subject"]: row["id"] for row in targets})
            await enqueue(tx, entries, NEVER, shards_of(self._database))
        return work

    async def release(self) -> None:
        """Make everything due, and wake whoever drains it where that is another process's job."""
        async with self._database.transaction() as tx:
            await tx.execute("UPDATE webhook_lanes SET next_at = ? WHERE next_at = ?", clock.now(), NEVER)
        for shard in range(shards_of(self._database)):
            self._engine.jobs.wake(DRAIN, str(shard))

    async def gone(self, seconds: float) -> None:
        """Wait until every attempt is stored.

        Raises:
            TimeoutError: That took more than ``seconds``.
        """
        async with asyncio.timeout(seconds):
            while await self._database.fetch("SELECT 1 FROM webhook_lanes LIMIT 1"):
                await asyncio.sleep(POLL_SECONDS)

    async def stored(self) -> int:
        """Return how many successful attempts there are."""
        return await stored(self._engine)


@asynccontextmanager
async def pending(data_dir: Path, database_url: str = "") -> AsyncIterator[Pending]:
    """Open the database of a server that runs, or of a cluster."""
    scaled = {"database_url": database_url, "secret_key": SECRET_KEY} if database_url else {}
    engine = Engine(data_dir, **scaled)
    await engine.open()
    try:
        if database_url:
            await engine.jobs.start()
        yield Pending(engine)
    finally:
        await engine.jobs.stop(1)
        await engine.close()


async def _entries(tx: Transaction, targets: Mapping[str, str]) -> Sequence[Entry]:
    marks = ", ".join("?" * len(targets))
    rows: list[Row] = await tx.fetch(
        f"UPDATE events SET fan_at = NULL, push_at = NULL WHERE fan_at > 0 AND subject IN ({marks})"
        " RETURNING id, type, subject, seq",
        *targets,
    )
    ordered = sorted(rows, key=lambda row: (row["subject"], row["seq"]))
    return [
        Entry(targets[row["subject"]], row["subject"], row["seq"], row["id"], row["type"]) for row in ordered
    ]
