from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from rallypoint.plugins.channels import guard_channel
from rallypoint.plugins.loader import Plugins
from rallypoint.realtime.channel import Channel, Join, Refused
from rallypoint.testing.install import install_plugin

CODE = """
import asyncio
from rallypoint.sdk import *

class Moody(Channel):
    pattern = "acme:{mood}"
    accepts = frozenset({"poke"})
    tables = {"acme_things": {"id": "uuid"}}

    async def join(self, join):
        mood = join.variables["mood"]
        if mood == "rude":
            raise Refused("go away")
        if mood == "broken":
            raise ValueError("oops")
        if mood == "asleep":
            await asyncio.Event().wait()
        return Joined({"mood": mood})

    async def receive(self, join, event, payload):
        return {"poked": event}

    def topic_of(self, table, column, value):
        return "acme:" + value if column == "id" else 1 / 0

@hookimpl
def register_channels(ctx):
    return [Moody()]
"""


@pytest.fixture
def plugins(site: Path, load_plugins) -> Plugins:
    install_plugin(site, "acme", CODE)
    return load_plugins(hook_timeout=0.1)


@pytest.fixture
def channel(plugins: Plugins) -> Channel:
    plugin = plugins.loaded[-1]
    return guard_channel(plugins.dispatch, plugin, plugin.contributions.channels[0])


def joining(mood: str) -> Join:
    return Join(cast(Any, None), f"acme:{mood}", {"mood": mood}, {})


async def test_a_channel_that_works_is_the_same_behind_its_guard(channel: Channel) -> None:
    assert (channel.pattern, channel.accepts) == ("acme:{mood}", {"poke"})
    assert channel.tables == {"acme_things": {"id": "uuid"}}
    assert (await channel.join(joining("fine"))).response == {"mood": "fine"}
    assert await channel.receive(joining("fine"), "poke", {}) == {"poked": "poke"}
    assert (await channel.replay("acme:fine", "x")).resync
    assert channel.topic_of("acme_things", "id", "1") == "acme:1"


@pytest.mark.parametrize(
    ("mood", "reason", "status"),
    [
        ("rude", "go away", "active"),
        ("broken", "unavailable", "degraded"),
        ("asleep", "unavailable", "degraded"),
    ],
)
async def test_failing_is_refusing_and_counts(plugins, channel, mood: str, reason: str, status: str) -> None:
    with pytest.raises(Refused) as caught:
        await channel.join(joining(mood))
    assert caught.value.reason == reason
    assert plugins.board.get("acme").status == status


async def test_a_quarantined_plugin_lets_nobody_in(plugins: Plugins, channel: Channel) -> None:
    for _ in range(5):
        with pytest.raises(Refused):
            await channel.join(joining("broken"))
    with pytest.raises(Refused, match="unavailable"):
        await channel.join(joining("fine"))
    assert channel.topic_of("acme_things", "id", "1") is None
    plugins.dispatch.resume("acme")
    assert channel.topic_of("acme_things", "name", "1") is None
    assert (await asyncio.wait_for(channel.join(joining("fine")), 1)).response == {"mood": "fine"}


def test_channels_of_the_core_are_left_bare(plugins: Plugins) -> None:
    rooms = plugins.loaded[0]
    own = rooms.contributions.channels[0]
    assert guard_channel(plugins.dispatch, rooms, own) is own
