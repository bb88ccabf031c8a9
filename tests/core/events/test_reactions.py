"""Plugins hear of every event at least once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rallypoint.errors import PermanentFailure, RetryLater
from rallypoint.events.reactions import MAX_ATTEMPTS, Reactions
from rallypoint.events.types import Event
from rallypoint.jobs import backoff
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from support.delivery_house import House, eventually


class Plugin:
    """Hears; raises what it is told to, one after the other."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Event]] = []
        self.raises: list[Exception] = []

    async def react(self, plugin: str, event: Event) -> None:
        self.heard.append((plugin, event))
        if self.raises:
            raise self.raises.pop(0)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.01)
    return Plugin()


@pytest_asyncio.fixture
async def house(database: Database, plugin: Plugin) -> AsyncIterator[House]:
    house = House(database)
    house.plugins = {"acme"}
    house.reactions = Reactions(database, house.jobs, house.leases, plugin.react, lambda: house.plugins)
    house.reactions.serve("acme")
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


async def left(house: House) -> list[tuple[object, ...]]:
    rows = await house.database.fetch("SELECT plugin, attempts, next_at, error FROM event_reactions")
    return [tuple(row) for row in rows]


async def none_left(house: House) -> bool:
    return await left(house) == []


async def test_every_event_is_heard_in_order_and_forgotten(house: House, plugin: Plugin) -> None:
    events = [await house.happen("room:1") for _ in range(60)]
    await eventually(lambda: len(plugin.heard) == 60)
    assert plugin.heard == [("acme", event) for event in events]
    await eventually(lambda: none_left(house))


async def test_a_failure_is_retried(house: House, plugin: Plugin) -> None:
    plugin.raises = [RuntimeError("bug"), RetryLater(after=0.02)]
    event = await house.happen("room:1")
    await eventually(lambda: len(plugin.heard) == 3)
    assert plugin.heard == [("acme", event)] * 3
    await eventually(lambda: none_left(house))


async def test_others_go_on_beside_a_failure(house: House, plugin: Plugin) -> None:
    plugin.raises = [RetryLater(after=3600)]
    failing, other = await house.happen("room:1"), await house.happen("room:2")

    async def only_the_failing_is_left() -> bool:
        rows = await house.database.fetch("SELECT event_id, attempts FROM event_reactions")
        return [tuple(row) for row in rows] == [(failing.id, 1)] and len(plugin.heard) == 2

    await eventually(only_the_failing_is_left)
    assert plugin.heard == [("acme", failing), ("acme", other)]


async def test_a_permanent_failure_is_dropped_and_shown(house: House, plugin: Plugin) -> None:
    plugin.raises = [PermanentFailure("no such list")]
    await house.happen("room:1")

    async def dropped() -> bool:
        return await left(house) == [("acme", 1, None, "PermanentFailure: no such list")]

    await eventually(dropped)
    assert len(plugin.heard) == 1


async def test_bugs_are_given_up_in_the_end(house: House, plugin: Plugin) -> None:
    house.plugins = set()
    await house.happen("room:1")
    await eventually(house.none_pending)
    house.plugins = {"acme"}
    plugin.raises = [RuntimeError("always")]
    async with house.database.transaction() as tx:
        row = await tx.fetch_one("SELECT id FROM events")
        assert row is not None
        await tx.execute(
            "INSERT INTO event_reactions (plugin, event_id, attempts, next_at, error, created_at)"
            " VALUES ('acme', ?, ?, 1, '', 1)",
            row["id"],
            MAX_ATTEMPTS - 1,
        )
    house.jobs.wake("events.react", "acme")

    async def given_up() -> bool:
        return await left(house) == [("acme", MAX_ATTEMPTS, None, "RuntimeError: always")]

    await eventually(given_up)


async def test_rows_of_an_absent_plugin_wait_for_it(house: House, plugin: Plugin) -> None:
    async def uninstalled_meanwhile(_plugin: str, _event: Event) -> None:
        house.plugins = set()
        raise RetryLater(after=0.3)

    house.reactions._react = uninstalled_meanwhile
    await house.happen("room:1")
    await eventually(lambda: not house.plugins)
    house.reactions._react = plugin.react
    await asyncio.sleep(0.5)
    assert plugin.heard == []
    house.plugins = {"acme"}
    house.jobs.wake("events.react.acme.sweep")
    await eventually(lambda: none_left(house))


async def test_a_process_without_the_plugin_leaves_the_rows_to_one_that_has_it(house: House) -> None:
    house.plugins = {"elsewhere"}
    event = await house.happen("room:1")
    await eventually(house.none_pending)
    assert [row[0] for row in await left(house)] == ["elsewhere"]
    house.plugins, there = {"elsewhere"}, Plugin()
    reactions = Reactions(
        house.database, house.jobs, Leases(house.database), there.react, lambda: house.plugins
    )
    reactions.wake("elsewhere")  # not served yet: neither an error nor a warning
    reactions.serve("elsewhere")
    reactions.wake("elsewhere")
    await eventually(lambda: none_left(house))
    assert there.heard == [("elsewhere", event)]


async def test_one_process_serves_a_plugin_at_a_time(house: House, plugin: Plugin) -> None:
    other = Leases(house.database)
    held = await other.acquire("events.react.acme", 30)
    assert held is not None
    await house.happen("room:1")
    await asyncio.sleep(0.1)
    assert plugin.heard == []
    await other.release(held)
    await eventually(lambda: len(plugin.heard) == 1)


async def test_slow_reactions_are_written_down_meanwhile(house: House, plugin: Plugin) -> None:
    async def slow(name: str, event: Event) -> None:
        plugin.heard.append((name, event))
        await asyncio.sleep(0.6)

    house.reactions._react = slow
    async with house.database.transaction() as tx:
        for _ in range(4):
            await house.outbox.add(tx, house.draft("room:1"))
    await eventually(lambda: len(plugin.heard) == 4)
    assert len(await left(house)) < 4
    await eventually(lambda: none_left(house))


def test_backoff_is_bounded() -> None:
    assert 800 <= backoff.backoff(1) <= 1200
    assert backoff.backoff(40) == clock.HOUR
    assert backoff.backoff(1, after=10**9) == clock.HOUR
    assert backoff.backoff(1, after=5) == 5000
