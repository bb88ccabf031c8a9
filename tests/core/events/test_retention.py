"""What is old and done goes, what is still to be done stays."""

from __future__ import annotations

from rallypoint.events.retention import Pruned, prune
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.webhooks.history import first_id
from support.delivery_house import House, settings

OLD = clock.now() - 40 * clock.DAY


async def age(database: Database) -> None:
    """Make every id forty days older, as far as its first digits go."""
    prefix = first_id(OLD)
    async with database.transaction() as tx:
        for table, column in (
            ("events", "id"),
            ("webhook_deliveries", "id"),
            ("webhook_deliveries", "event_id"),
            ("webhook_attempts", "delivery_id"),
            ("event_reactions", "event_id"),
            ("webhook_receipts", "id"),
        ):
            await tx.execute(f"UPDATE {table} SET {column} = ? || substr({column}, 14)", prefix)


async def count(database: Database, table: str) -> int:
    row = await database.fetch_one(f"SELECT count(*) AS n FROM {table}")
    assert row is not None
    return int(row["n"])


async def finished(database: Database, events: int) -> House:
    house = House(database)
    await house.target("room:1", "http://127.0.0.1:1/")
    async with database.transaction() as tx:
        for _ in range(events):
            await house.outbox.add(tx, house.draft("room:1"))
    await house.fanout.run()
    return house


async def test_finished_work_goes_in_batches(database: Database) -> None:
    await finished(database, 1200)
    async with database.transaction() as tx:
        await tx.execute("UPDATE webhook_deliveries SET state = 'delivered'")
        await tx.execute("DELETE FROM webhook_lanes")
        await tx.execute(
            "INSERT INTO webhook_attempts (delivery_id, at, duration_ms, status, error, reply)"
            " SELECT id, 1, 1, 200, '', '' FROM webhook_deliveries"
        )
    assert await prune(database, settings()) == Pruned()
    await age(database)
    assert await prune(database, settings()) == Pruned(events=1200, deliveries=1200)
    assert await count(database, "webhook_attempts") == 0


async def test_pending_work_stays(database: Database) -> None:
    house = await finished(database, 3)
    house.plugins = {"acme"}
    async with database.transaction() as tx:
        await house.outbox.add(tx, house.draft("room:2"))
    await house.fanout.run()
    async with database.transaction() as tx:
        await house.outbox.add(tx, house.draft("room:3"))
    await age(database)
    assert await prune(database, settings()) == Pruned()
    assert await count(database, "events") == 5
    async with database.transaction() as tx:
        await tx.execute("UPDATE event_reactions SET next_at = NULL, created_at = 1")
    assert await prune(database, settings()) == Pruned(events=1)
    assert await count(database, "event_reactions") == 0
