"""A channel that publishes as many messages as a client asks for: ``bench:<n>``, event ``publish``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rallypoint.plugins.context import PluginContext
from rallypoint.plugins.hookspecs import hookimpl
from rallypoint.realtime.channel import Channel, Join, Joined, Message, Payload
from rallypoint.realtime.hub import Hub
from rallypoint.storage import clock

TEXT = "x" * 100


class BenchChannel(Channel):
    """Lets anyone in."""

    pattern = "bench:{number}"
    accepts = frozenset({"publish"})

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def join(self, _join: Join) -> Joined:
        return Joined()

    async def receive(self, join: Join, _event: str, payload: Payload) -> Payload | None:
        for _ in range(payload["count"]):
            message = {"sent": payload["sent"], "text": TEXT}
            self._hub.publish(Message(join.topic, "tick", message, at=clock.now()))
            await asyncio.sleep(0)  # each message on its own, as from requests of their own
        return None


@hookimpl
def register_channels(ctx: PluginContext) -> Sequence[Channel]:
    return [BenchChannel(ctx.kernel.hub)]
