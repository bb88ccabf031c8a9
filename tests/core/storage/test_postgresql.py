"""What PostgreSQL does otherwise: counts, locks, outages, types."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest

from rallypoint.storage.database import Database, DatabaseAway
from rallypoint.storage.leases import LeaseLost, Leases
from rallypoint.testing.server import free_port
from support.columns import only_postgresql

TABLES = {"storage": ["rallypoint.storage.models"]}
INSERT = "INSERT INTO leases (name, owner, fence, expires_at, wanted) VALUES (?, 'me', 1, 0, 0)"


async def test_every_statement_is_counted(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.execute(INSERT, "a") == 1
        assert await tx.execute(f"{INSERT} ON CONFLICT DO NOTHING", "a") == 0
        assert await tx.execute("UPDATE leases SET fence = 2") == 1
        row = await tx.fetch_one("UPDATE leases SET fence = fence + 1 WHERE name = ? RETURNING fence", "a")
        assert row is not None
        assert row["fence"] == 3
        assert await tx.execute("DELETE FROM leases WHERE name = ?", "b") == 0


async def test_types_come_back_as_they_went(database: Database) -> None:
    values = ("e", "t", "a", "live", "s", 2**62, '["é"]', b"\x00\xff", None, "[]", 1, None, 0)
    names = "id, type, account_id, mode, subject, seq, topics, body, actor_id, changes, at, push_at, fan_at"
    async with database.transaction() as tx:
        await tx.execute(f"INSERT INTO events ({names}) VALUES ({', '.join('?' * 13)})", *values)
        inside = await tx.fetch_one(f"SELECT {names} FROM events")
    outside = await database.fetch_one(f"SELECT {names} FROM events")
    for row in (inside, outside):
        assert row is not None
        assert tuple(row[name] for name in names.split(", ")) == values


async def test_rows_and_names_are_held_until_the_end(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(INSERT, "a")
    order: list[str] = []

    async def holder(how: str, name: str) -> None:
        async with database.transaction() as tx:
            if how == "row":
                await tx.lock("SELECT * FROM leases WHERE name = ?", "a")
            else:
                await tx.hold("a")
            order.append(f"{name} begins")
            await asyncio.sleep(0.05)
            order.append(f"{name} ends")

    for how in ("row", "name"):
        order.clear()
        await asyncio.gather(holder(how, "x"), holder(how, "y"))
        first = order[0][0]
        assert [step[0] for step in order] == [first, first, *("xy".replace(first, "") * 2)]


@only_postgresql
async def test_a_lease_cannot_be_taken_under_a_write(database: Database) -> None:
    here, there = Leases(database), Leases(database)
    lease = await here.acquire("work", 0.05)
    assert lease is not None
    async with database.transaction() as tx:
        await Leases.guard(tx, lease)
        taking = asyncio.create_task(there.acquire("work", 10))
        await asyncio.sleep(0.2)
        assert not taking.done()
    assert await taking is not None
    with pytest.raises(LeaseLost):
        async with database.transaction() as tx:
            await Leases.guard(tx, lease)


@only_postgresql
async def test_transactions_may_read_outside_themselves_when_the_pool_is_used_up(
    database_url: str, tmp_path: Path
) -> None:
    database = Database(database_url, tmp_path, pool_size=4)
    await database.open(TABLES)

    async def work() -> None:
        async with database.transaction() as tx:
            await tx.fetch("SELECT 1")
            await asyncio.sleep(0.01)
            await database.fetch("SELECT 1")

    try:
        async with asyncio.timeout(5):
            await asyncio.gather(*(work() for _ in range(30)))
    finally:
        await database.close()


@only_postgresql
async def test_a_transaction_that_is_cancelled_says_so(database: Database) -> None:
    async def work() -> None:
        async with database.transaction() as tx:
            await tx.fetch("SELECT pg_sleep(5)")

    for delay in (0.0, 0.001, 0.005, 0.05):
        task = asyncio.create_task(work())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with database.transaction() as tx:
        assert await tx.execute(INSERT, "a") == 1


@only_postgresql
async def test_what_lasts_too_long_is_ended(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url, tmp_path, timeout=0.2)
    await database.open(TABLES)
    try:
        begun = time.monotonic()
        with pytest.raises(DatabaseAway, match="statement timeout"):
            await database.fetch("SELECT pg_sleep(5)")
        assert time.monotonic() - begun < 2
    finally:
        await database.close()


@only_postgresql
async def test_broken_connections_are_told_and_replaced(database: Database, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    with pytest.raises(DatabaseAway) as caught:
        async with database.transaction() as tx:
            await tx.execute(INSERT, "lost")
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await tx.execute(INSERT, "lost too")
    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
    await other.close()
    await asyncio.sleep(0.1)
    async with database.transaction() as tx:
        await tx.execute(INSERT, "kept")
    assert [row["name"] for row in await database.fetch("SELECT name FROM leases")] == ["kept"]


async def test_one_that_cannot_be_reached_says_where(tmp_path: Path) -> None:
    port = free_port()
    database = Database(f"postgres://me:secret@127.0.0.1:{port}/rooms", tmp_path)
    with pytest.raises(DatabaseAway, match=f"PostgreSQL at 127.0.0.1:{port}/rooms cannot be used") as caught:
        await database.open(TABLES)
    assert "secret" not in str(caught.value)
    await database.close()
