"""Transactions: what is joined, what is seen, what happens after the commit."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from rallypoint.storage import database as database_module
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database, DatabaseAway
from support.columns import only_sqlite

INSERT = "INSERT INTO leases (name, owner, fence, expires_at) VALUES (?, 'me', 1, 0)"


async def names(database):
    return [row["name"] for row in await database.fetch("SELECT name FROM leases ORDER BY name")]


async def test_readers_see_only_what_is_committed(database):
    async with database.transaction() as tx:
        await tx.execute(INSERT, "a")
        assert await names(database) == []
        assert await tx.fetch_one("SELECT name FROM leases") is not None
    assert await names(database) == ["a"]


async def test_an_inner_transaction_joins_and_fails_with_the_outer(database):
    calls = []
    with pytest.raises(KeyError):
        async with database.transaction() as outer:
            async with database.transaction() as inner:
                assert inner is outer
                await inner.execute(INSERT, "a")
                inner.after_commit(lambda: calls.append("inner"))
            raise KeyError
    assert (await names(database), calls) == ([], [])


async def test_what_waits_for_the_commit_runs_in_order_after_it(database):
    seen = []

    async def write():
        async with database.transaction() as tx:
            row = await tx.fetch_one("UPDATE leases SET fence = fence + 1 WHERE name = 'a' RETURNING fence")
            tx.after_commit(lambda: seen.append(row["fence"]))
            assert row["fence"] not in seen

    async with database.transaction() as tx:
        await tx.execute(INSERT, "a")
    await asyncio.gather(*(write() for _ in range(50)))
    assert seen == list(range(2, 52))


async def test_a_task_begun_inside_a_transaction_has_one_of_its_own(database):
    async def other():
        async with database.transaction() as tx:
            await tx.execute(INSERT, "other")

    with pytest.raises(KeyError):
        async with database.transaction() as tx:
            await tx.execute(INSERT, "mine")
            started = asyncio.create_task(other())
            raise KeyError
    await started
    assert await names(database) == ["other"]


@only_sqlite
async def test_another_process_with_the_lock_is_waited_for(database):
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(_write(database))
        await asyncio.sleep(0.2)
        assert not writing.done()
        other.execute("COMMIT")
        await writing
    assert await names(database) == ["late"]


async def _write(database):
    async with database.transaction() as tx:
        await tx.execute(INSERT, "late")


async def test_execute_counts_and_execute_many_inserts(database):
    async with database.transaction() as tx:
        await tx.execute_many(INSERT, [["a"], ["b"], ["c"]])
        assert await tx.execute("UPDATE leases SET fence = 2 WHERE name > ?", "a") == 2
        assert await tx.fetch_one("SELECT 1 FROM leases WHERE name = ?", "z") is None


async def test_a_closed_database_says_so(tmp_path):
    database = Database("", tmp_path)
    for use in (lambda: database.reader, lambda: database.writer, lambda: database.apps):
        with pytest.raises(RuntimeError, match="not open"):
            use()
    await database.close()


@pytest.mark.parametrize("turns", range(12))
async def test_a_task_that_is_cancelled_at_any_moment_keeps_nobody_from_writing(database, turns):
    async def write():
        async with database.transaction() as tx:
            await tx.execute(INSERT, "cancelled")
            raise RuntimeError("it was not cancelled")

    for pause in (0, 0.0002, 0.001):
        task = asyncio.create_task(write())
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, RuntimeError)):
            await task
    async with asyncio.timeout(10), database.transaction() as tx:
        await tx.execute(INSERT, "next")
    assert await names(database) == ["next"]


@only_sqlite
async def test_a_transaction_that_could_not_begin_keeps_nobody_from_writing(
    database_url, tmp_path, monkeypatch
):
    monkeypatch.setitem(database_module._PRAGMAS, "busy_timeout", 20)
    opened = Database(database_url, tmp_path)
    await opened.open({app.label: [app.models] for app in CORE_APPS})
    try:
        with closing(sqlite3.connect(opened.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseAway):
                async with opened.transaction():
                    pass
            other.execute("ROLLBACK")
        async with asyncio.timeout(10), opened.transaction() as tx:
            assert await tx.fetch("SELECT 1 AS one") == [{"one": 1}]
    finally:
        await opened.close()
