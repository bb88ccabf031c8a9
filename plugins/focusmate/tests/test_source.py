"""``POST /rooms/:id/sync`` for Focusmate: one session, read now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from plugins.focusmate.tests.conftest import ACCOUNT, USER, World

from rallypoint.domains.rooms.api import Pull
from rallypoint.errors import NeedsReauth, NotFound, RetryLater
from rallypoint_focusmate.settings import FocusmateSettings
from rallypoint_focusmate.source import Source


def source(world: World) -> Source:
    (plugin,) = (one for one in world.plugins.loaded if one.name == "focusmate")
    settings = plugin.ctx.settings
    assert isinstance(settings, FocusmateSettings)
    return Source(plugin.ctx, settings)


def pull(session: str, *, api_key: str | None = None, mode: str = "live") -> Pull:
    return Pull(ACCOUNT, USER, "live" if mode == "live" else "sandbox", session, api_key)


async def test_with_the_callers_connection(world: World) -> None:
    world.fake.book("s1", world.running, users=("fm-me", "fm-partner"))
    world.fake.join("s1", "fm-me")
    await world.connect()
    room = await source(world).pull(pull("s1"))
    assert room is not None
    assert room.participants is not None
    assert {person.external_user_id: person.user_id for person in room.participants} == {
        "fm-me": USER,
        "fm-partner": None,
    }
    assert not room.ended
    with pytest.raises(NotFound):
        await source(world).pull(pull("s2"))


async def test_with_the_key_of_the_rooms_integration(world: World) -> None:
    world.fake.book("s1", world.running - timedelta(hours=3))
    room = await source(world).pull(pull("s1", api_key="demo-key"))
    assert room is not None
    assert room.ended
    with pytest.raises(NeedsReauth):
        await source(world).pull(pull("s1", api_key="wrong"))


async def test_without_a_key_and_in_the_sandbox_there_is_nobody_to_ask(world: World) -> None:
    assert await source(world).pull(pull("s1")) is None
    assert await source(world).pull(pull("s1", api_key="demo-key", mode="sandbox")) is None
    assert world.fake.requests == []


async def test_a_user_that_cannot_be_read_is_for_later(world: World) -> None:
    world.fake.fail(200, body='{"user":{}}')
    with pytest.raises(RetryLater):
        await source(world).pull(pull("s1", api_key="demo-key"))
