"""A plugin's channel, run as every other piece of its code: attributed, timed, and shut while quarantined."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from rallypoint.errors import PluginError
from rallypoint.plugins.dispatch import Dispatcher
from rallypoint.plugins.failures import PluginFailed
from rallypoint.plugins.loaded import LoadedPlugin
from rallypoint.realtime.channel import Channel, Join, Joined, Payload, Refused, Replay

T = TypeVar("T")
UNAVAILABLE = "unavailable"


def guard_channel(dispatch: Dispatcher, plugin: LoadedPlugin, channel: Channel) -> Channel:
    """Return a channel that refuses where the plugin's own fails; a core domain's is returned as it is.

    Args:
        dispatch: Calls the plugin.
        plugin: Whose channel.
        channel: As registered.
    """
    return channel if plugin.is_core else _Guarded(dispatch, plugin.name, channel)


class _Guarded(Channel):
    def __init__(self, dispatch: Dispatcher, plugin: str, channel: Channel) -> None:
        self._dispatch, self._plugin, self._channel = dispatch, plugin, channel
        self.pattern = channel.pattern  # type: ignore[misc]
        self.accepts = channel.accepts  # type: ignore[misc]
        self.tables = channel.tables  # type: ignore[misc]

    async def join(self, join: Join) -> Joined:
        return await self._run("join", self._channel.join(join))

    async def receive(self, join: Join, event: str, payload: Payload) -> Payload | None:
        return await self._run("receive", self._channel.receive(join, event, payload))

    async def replay(self, topic: str, since: str) -> Replay:
        return await self._run("replay", self._channel.replay(topic, since))

    def topic_of(self, table: str, column: str, value: str) -> str | None:
        try:
            return self._dispatch.call_plain(
                self._plugin, f"channel {self.pattern}", self._channel.topic_of, table, column, value
            )
        except (PluginError, PluginFailed):
            return None

    async def _run(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        name = f"channel {self.pattern} {what}"
        try:
            return await self._dispatch.run(
                self._plugin, work, what=name, timeout=self._dispatch.timeout, expected=(Refused,)
            )
        except (PluginError, PluginFailed) as error:
            raise Refused(UNAVAILABLE) from error
