"""Push channels: opened, renewed with an overlap, closed; their notifications only say that it is time to look."""

from __future__ import annotations

import pytest

from rallypoint.domains.booking.api import Watch
from rallypoint.errors import PermanentFailure, RetryLater
from rallypoint.storage import clock
from support.memory_calendar import DEAD

PATH = "/integrations/memory/notifications"


@pytest.fixture
async def connection(world, calendar):
    world.adapt(calendar.provider(notify_path=PATH))
    made = await world.connect()
    await world.poll()
    await world.push()
    return made


async def notify(world, number, *, channel="", resource="", state="exists"):
    (id_,) = [channel] if channel else [row["id"] for row in await world.rows("booking_calendar_channels")]
    await world.engine.notified("memory_calendar", id_, resource, state, number)


async def is_wanted(world):
    return (await world.cursor())["poll_at"] is not None


async def test_a_channel_is_opened_with_what_the_provider_needs(world, calendar, connection):
    ((id_, request),) = calendar.channels.items()
    assert (request.channel_id, request.address) == (id_, f"https://rally.example.com{PATH}")
    assert request.token == world.engine.channel_token(id_) == f"calendar-channel {id_}"
    (row,) = await world.rows("booking_calendar_channels")
    assert (row["external_id"], row["closing"]) == (id_, False)
    renew_at = (await world.cursor())["watch_at"]
    assert clock.now() + 2_000_000 < renew_at < row["expires_at"]
    assert (await world.marks())["renewal"] == 1


@pytest.mark.parametrize(
    ("url", "path", "opened"),
    [
        ("https://rally.example.com", "", 0),
        ("http://rally.example.com", PATH, 0),
        ("https://rally.example.com/", PATH, 1),
    ],
)
async def test_without_a_path_or_an_address_that_providers_reach_polling_is_all(
    world, calendar, url, path, opened
):
    world.engine._channels._private = False
    world.engine._channels._public_url = url.rstrip("/")
    world.adapt(calendar.provider(notify_path=path))
    await world.connect()
    await world.poll()
    await world.push()
    assert len(calendar.channels) == opened
    assert ((await world.cursor())["watch_at"] is None) == (not opened)


async def test_a_notification_has_the_calendar_looked_at_once(world, calendar, connection):
    calendar.add(world.at(0), world.at(1))
    for number in (2, 3, 4):
        await notify(world, number)
    assert await is_wanted(world)
    asked = len(calendar.requests)
    await world.push()
    await world.push()
    assert len(calendar.requests) == asked + 1
    assert len(await world.blocks()) == 1
    assert not await is_wanted(world)


async def test_greetings_repetitions_and_what_came_late_ask_for_nothing(world, calendar, connection):
    await notify(world, 1, state="sync")
    assert not await is_wanted(world)
    await notify(world, 5)
    await world.push()
    for number in (5, 4, 1):
        await notify(world, number)
        assert not await is_wanted(world)
    await notify(world, 6, resource="another resource")
    assert not await is_wanted(world)
    await notify(world, 6, channel="unknown")
    await world.engine.notified("another_service", next(iter(calendar.channels)), "", "exists", 7)
    assert not await is_wanted(world)
    await notify(world, 7)
    assert await is_wanted(world)


async def test_providers_without_numbers_are_heard_every_time(world, calendar, connection):
    for _ in range(2):
        await notify(world, 0)
        assert await is_wanted(world)
        await world.push()


async def test_what_comes_during_a_look_asks_for_another(world, calendar, connection):
    calendar.add(world.at(0), world.at(1))
    original = calendar.changes

    async def changes(connection, position):
        async for page in original(connection, position):
            await world.later()
            await notify(world, 9)
            yield page

    calendar.changes = changes
    world.adapt(calendar.provider(notify_path=PATH))
    await world.poll()
    assert await is_wanted(world)


async def test_a_channel_is_replaced_before_it_ends_and_the_old_one_closed(world, calendar, connection):
    (old,) = calendar.channels
    await due(world)
    calendar.fail("unwatch")
    await world.push()
    assert len(calendar.channels) == 2
    closing = {row["id"]: row["closing"] for row in await world.rows("booking_calendar_channels")}
    assert closing[old]
    await notify(world, 50, channel=old)
    assert not await is_wanted(world)
    await due(world, renew=False)
    await world.push()
    assert old not in calendar.channels
    assert len(calendar.channels) == len(await world.rows("booking_calendar_channels")) == 1


async def due(world, *, renew=True):
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE booking_calendar_cursors SET watch_at = 1")
        if renew:
            soon = clock.now() + 60_000
            await tx.execute(
                "UPDATE booking_calendar_channels SET expires_at = ?, created_at = ?", soon, soon - 3_600_000
            )


async def test_a_provider_that_prolongs_keeps_its_channel(world, calendar, connection):
    renewed = []

    async def renew(connection, watch, request):
        renewed.append(request)
        if len(renewed) == 2:
            raise PermanentFailure("gone", status=404)
        return Watch(watch.external_id, watch.resource_id, clock.now() + 3_600_000)

    world.adapt(calendar.provider(notify_path=PATH, renew=renew))
    (id_,) = calendar.channels
    await due(world)
    await world.push()
    assert (list(calendar.channels), renewed[0].channel_id) == ([id_], id_)
    await due(world)
    await world.push()
    assert id_ not in calendar.channels
    assert len(calendar.channels) == 1


@pytest.mark.parametrize("error", [RetryLater("away"), PermanentFailure("not allowed", status=401)])
async def test_a_channel_that_cannot_be_opened_is_tried_again_beside_polling(world, calendar, error):
    world.adapt(calendar.provider(notify_path=PATH))
    await world.connect()
    await world.poll()
    await world.book()
    calendar.fail("watch", error)
    await world.push()
    assert len(calendar.standing) == 1
    assert (await world.cursor())["watch_at"] > clock.now() + 5_000
    assert "push notifications" in (await world.told("failed"))[-1]
    await due(world)
    await world.push()
    assert len(calendar.channels) == 1
    assert [row["external_id"] for row in await world.rows("booking_calendar_channels")] == list(
        calendar.channels
    )


async def test_a_dead_credential_at_the_channel_parks_everything(world, calendar):
    world.adapt(calendar.provider(notify_path=PATH))
    await world.connect()
    await world.poll()
    calendar.fail("watch", DEAD)
    await world.push()
    assert (await world.connection()).state == "needs_reauth"
    assert (await world.cursor())["parked"]
    await world.engine.sweep("memory_calendar")
    await world.connect()
    await world.push()
    assert len(calendar.channels) == 1


@pytest.mark.parametrize("away", [False, True])
async def test_disconnecting_closes_channels_as_far_as_the_provider_listens(
    world, calendar, connection, away
):
    if away:
        calendar.fail("unwatch")
    await world.engine.forget(connection.id)
    assert len(calendar.channels) == away
    assert await world.rows("booking_calendar_channels") == []
    await world.connections.disconnect(world.owner, "memory_calendar")
