"""Pages of several drains written together: each stands or falls by its own lease."""

from __future__ import annotations

import asyncio

from rallypoint.storage.database import Database
from rallypoint.storage.leases import Lease, LeaseLost, Leases
from rallypoint.webhooks.lanes import Attempted
from rallypoint.webhooks.ledger import Ledger, Page
from rallypoint.webhooks.sender import Result
from support.delivery_house import House

URL = "http://127.0.0.1:1/"


async def leased(leases: Leases, name: str) -> Lease:
    lease = await leases.acquire(name, 60)
    assert lease is not None
    return lease


async def page_of(house: House, subject: str) -> Page:
    """Return the page of an attempt that delivered the one event of a subject."""
    await house.target(subject, URL)
    event = await house.happen(subject)
    await house.fanout.run()
    row = await house.database.fetch_one("SELECT id FROM webhook_deliveries WHERE event_id = ?", event.id)
    assert row is not None
    return Page([Attempted(row["id"], Result(1, 1, 200), 1, "delivered")])


async def test_a_page_whose_lease_is_lost_is_left_out_and_the_others_are_written(database: Database) -> None:
    house = House(database)
    ledger, mine, theirs = Ledger(database, house.outbox), Leases(database), Leases(database)
    first, lost, last = [await page_of(house, f"room:{number}") for number in range(3)]
    kept = await leased(mine, "a"), await leased(mine, "c")
    stale = await mine.acquire("b", 0.0)
    assert stale is not None
    await asyncio.sleep(0.01)
    await leased(theirs, "b")
    outcomes = await asyncio.gather(
        ledger.write(kept[0], first),
        ledger.write(stale, lost),
        ledger.write(kept[1], last),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [type(None), LeaseLost, type(None)]
    rows = await database.fetch("SELECT id FROM webhook_deliveries WHERE state = 'delivered'")
    assert {row["id"] for row in rows} == {page.attempted[0].delivery_id for page in (first, last)}
    attempts = await database.fetch("SELECT delivery_id FROM webhook_attempts")
    assert len(attempts) == 2


async def test_what_the_database_refuses_every_drain_is_told(database: Database) -> None:
    house = House(database)
    ledger, leases = Ledger(database, house.outbox), Leases(database)
    good = await page_of(house, "room:1")
    bad = Page([Attempted("x" * 36, Result(2**70, 1, 200), 1, "delivered")])
    pages = [(await leased(leases, "a"), good), (await leased(leases, "b"), bad)]
    outcomes = await asyncio.gather(*(ledger.write(*one) for one in pages), return_exceptions=True)
    assert all(isinstance(one, Exception) and not isinstance(one, LeaseLost) for one in outcomes)
    assert await database.fetch("SELECT 1 FROM webhook_attempts") == []
    assert not await house.none_pending()
