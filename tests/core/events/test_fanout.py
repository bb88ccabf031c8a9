"""From events to work."""

from __future__ import annotations

import pytest

from rallypoint.storage.database import Database
from rallypoint.storage.leases import LeaseLost, Leases
from support.delivery_house import House, eventually

URL = "http://127.0.0.1:1/"


async def test_the_order_of_a_subject_is_its_numbers_not_its_ids(database: Database) -> None:
    """Another process's clock may be behind: the later event then has the smaller id."""
    house = House(database)
    await house.target("room:1", URL)
    async with database.transaction() as tx:
        events = [await house.outbox.add(tx, house.draft("room:1")) for _ in range(3)]
    async with database.transaction() as tx:
        await tx.execute("UPDATE events SET id = '0' WHERE seq = 3")
    assert await house.fanout.run() == 3
    rows = await database.fetch("SELECT event_id FROM webhook_deliveries ORDER BY lane_id, seq")
    assert [row["event_id"] for row in rows] == [events[0].id, events[1].id, "0"]
    [lane] = await database.fetch("SELECT done_seq, last_seq FROM webhook_lanes")
    assert tuple(lane) == (0, 3)


async def test_fanning_out_twice_changes_nothing(database: Database) -> None:
    house = House(database)
    house.plugins = {"acme"}
    await house.target("room:1", URL)
    await house.happen("room:1")
    await house.fanout.run()
    async with database.transaction() as tx:
        await tx.execute("UPDATE events SET fan_at = 1")
    await house.fanout.run()
    for table in ("webhook_deliveries", "webhook_lanes", "event_reactions"):
        assert len(await database.fetch(f"SELECT 1 FROM {table}")) == 1


async def test_more_than_a_batch(database: Database) -> None:
    house = House(database)
    await house.target("account:acc", URL)
    async with database.transaction() as tx:
        for number in range(1200):
            await house.outbox.add(tx, house.draft(f"room:{number % 7}"))
    assert await house.fanout.run() == 1200
    assert len(await database.fetch("SELECT 1 FROM webhook_deliveries")) == 1200
    assert len(await database.fetch("SELECT 1 FROM webhook_lanes")) == 7


async def test_a_disabled_target_gets_nothing(database: Database) -> None:
    house = House(database)
    await house.target("room:1", URL)
    async with database.transaction() as tx:
        await tx.execute("UPDATE webhook_targets SET state = 'disabled'")
    await house.happen("room:1")
    assert await house.fanout.run() == 1
    assert await database.fetch("SELECT 1 FROM webhook_deliveries") == []


async def test_one_process_fans_out_at_a_time(house: House) -> None:
    other = Leases(house.database)
    held = await other.acquire("events.fanout", 30)
    assert held is not None
    await house.happen("room:1")
    assert await house.fanout.run() == 0
    await other.release(held)
    await eventually(house.none_pending)


async def test_the_sweep_finds_what_nobody_was_woken_for(database: Database) -> None:
    dead = House(database)
    await dead.happen("room:1")
    alive = House(database)
    await alive.start()
    await eventually(alive.none_pending)
    await alive.stop()


async def test_a_plugin_is_told_of_what_it_listens_to_alone(database: Database) -> None:
    house = House(database)
    house.plugins = {"all", "some", "none", "one"}
    house.wanted = {"some": ("thing.*",), "none": ("other.*", "thing"), "one": ("thing.whispered",)}
    happened = await house.happen("room:1")
    whispered = await house.happen("room:1", type="thing.whispered")
    await house.fanout.run()
    rows = await database.fetch("SELECT plugin, event_id FROM event_reactions")
    assert {(row["plugin"], row["event_id"]) for row in rows} == {
        ("all", happened.id),
        ("all", whispered.id),
        ("some", happened.id),
        ("some", whispered.id),
        ("one", whispered.id),
    }


async def test_a_later_event_by_time_may_be_an_earlier_one_of_its_subject(database: Database) -> None:
    """However many others wait between the two."""
    house = House(database)
    await house.target("room:odd", URL)
    async with database.transaction() as tx:
        events = [await house.outbox.add(tx, house.draft("room:odd")) for _ in range(2)]
        for number in range(600):
            await house.outbox.add(tx, house.draft(f"room:{number}"))
        await tx.execute("UPDATE events SET fan_at = 2")
        await tx.execute("UPDATE events SET fan_at = 3 WHERE id = ?", events[0].id)
        await tx.execute("UPDATE events SET fan_at = 1 WHERE id = ?", events[1].id)
    assert await house.fanout.run() == 602
    rows = await database.fetch("SELECT seq FROM webhook_deliveries ORDER BY id")
    assert [row["seq"] for row in rows] == [1, 2]


async def test_the_lease_is_kept_where_nobody_else_could_want_it(database: Database) -> None:
    house = House(database)
    for _ in range(2):
        await house.happen("room:1")
        assert await house.fanout.run() == 1
    row = await database.fetch_one("SELECT fence, expires_at FROM leases WHERE name = 'events.fanout'")
    assert row is not None
    assert (row["fence"], row["expires_at"] > 0) == ((1, True) if database.is_sqlite else (2, False))


async def test_a_kept_lease_that_was_taken_over_is_acquired_anew(database: Database) -> None:
    house = House(database)
    await house.happen("room:1")
    await house.fanout.run()
    async with database.transaction() as tx:
        await tx.execute("UPDATE leases SET fence = fence + 1, owner = 'other', expires_at = 0")
    await house.happen("room:1")
    if database.is_sqlite:
        with pytest.raises(LeaseLost):
            await house.fanout.run()
    assert await house.fanout.run() == 1
