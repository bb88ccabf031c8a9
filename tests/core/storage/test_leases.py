"""Leases: one holder at a time, and a fence that stops the one who was frozen."""

from __future__ import annotations

import asyncio
import time

import pytest

from rallypoint.storage import clock
from rallypoint.storage.leases import LeaseLost, Leases


async def test_one_holder_at_a_time(database):
    mine, theirs = Leases(database), Leases(database)
    lease = await mine.acquire("work", 60)
    assert lease is not None
    assert await theirs.acquire("work", 60) is None
    assert await theirs.acquire("other", 60) is not None
    await mine.release(lease)
    taken = await theirs.acquire("work", 60)
    assert taken is not None
    assert taken.fence > lease.fence


async def test_a_holder_frozen_past_its_lease_writes_nothing(database):
    mine, theirs = Leases(database), Leases(database)
    old = await mine.acquire("work", 0.05)
    await asyncio.sleep(0.1)
    assert await theirs.acquire("work", 60) is not None
    with pytest.raises(LeaseLost):
        await mine.renew(old, 60)
    with pytest.raises(LeaseLost):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO leases (name, owner, fence, expires_at) VALUES ('x', 'x', 1, 0)")
            await Leases.guard(tx, old)
    assert await database.fetch_one("SELECT 1 FROM leases WHERE name = 'x'") is None
    await mine.release(old)
    assert await mine.acquire("work", 60) is None


async def test_renewing_keeps_it(database):
    mine, theirs = Leases(database), Leases(database)
    lease = await mine.acquire("work", 1)
    renewed = await mine.renew(lease, 60)
    assert renewed.expires_at > lease.expires_at
    await asyncio.sleep(1.1)
    assert await theirs.acquire("work", 60) is None
    async with database.transaction() as tx:
        await Leases.guard(tx, renewed)


async def test_a_hundred_at_once_leave_one_holder(database):
    leases = [Leases(database) for _ in range(100)]
    got = await asyncio.gather(*(one.acquire("work", 60) for one in leases))
    assert sum(lease is not None for lease in got) == 1


async def test_who_is_alone_takes_over_from_the_dead_at_once(database):
    dead, successor = Leases(database), Leases(database)
    assert await dead.acquire("work", 60) is not None
    await successor.inherit()
    assert await successor.acquire("work", 60) is not None


async def test_a_holder_hears_at_its_end_that_others_came(database):
    mine, theirs = Leases(database), Leases(database)
    lease = await mine.acquire("work", 60)
    assert lease is not None
    assert await theirs.acquire("work", 60) is None
    assert await theirs.acquire("work", 60) is None
    renewed = await mine.renew(lease, 60)
    assert await mine.release(renewed)
    taken = await theirs.acquire("work", 60)
    assert taken is not None
    assert not await theirs.release(taken)


async def test_a_process_whose_clock_is_wrong_takes_nothing_from_others(database, monkeypatch):
    mine, theirs = Leases(database), Leases(database)
    assert await mine.acquire("work", 60) is not None
    monkeypatch.setattr(clock, "now", lambda: round(time.time() * 1000) + 300_000)
    assert await theirs.acquire("work", 60) is None
