"""What providers say of a push channel itself: that it is to be prolonged, or that they have ended it."""

from __future__ import annotations

import pytest

from rallypoint.domains.booking.api import Watch
from rallypoint.storage import clock

PATH = "/integrations/memory/notifications"


@pytest.fixture
def renewed():
    return []


@pytest.fixture
async def channel(world, calendar, renewed):
    """The id of the open channel of a provider that prolongs."""

    async def renew(connection, watch, request):
        renewed.append(request.channel_id)
        return Watch(watch.external_id, watch.resource_id, clock.now() + 3_600_000)

    world.adapt(calendar.provider(notify_path=PATH, renew=renew))
    await world.connect()
    await world.poll()
    await world.push()
    ((id_, _request),) = calendar.channels.items()
    return id_


async def said(world, channel, state):
    await world.engine.notified("memory_calendar", channel, "", state, 0)


async def test_a_channel_is_prolonged_when_the_provider_asks_and_the_calendar_looked_at(
    world, calendar, channel, renewed
):
    await said(world, channel, "renew")
    assert (await world.cursor())["poll_at"] is not None
    await world.push()
    await world.push()
    assert (list(calendar.channels), renewed) == ([channel], [channel])
    (row,) = await world.rows("booking_calendar_channels")
    assert row["renew_at"] is None
    assert (await world.cursor())["watch_at"] > clock.now()


async def test_a_channel_that_the_provider_ended_is_replaced(world, calendar, channel, renewed):
    await said(world, channel, "removed")
    await world.push()
    await world.push()
    assert renewed == []
    (row,) = await world.rows("booking_calendar_channels")
    assert row["id"] != channel
    assert row["id"] in calendar.channels
    await said(world, channel, "removed")
    assert await world.rows("booking_calendar_channels") == [row]
