"""A plugin's callables, wrapped so that whatever they do is timed and attributed to it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from rallypoint.plugins.contributions import Channel, Inbound, WebhookSource
from rallypoint.plugins.dispatch import Dispatcher
from rallypoint.realtime.channel import Join, Joined, Payload, Refused, Replay
from rallypoint.web.routing import Reply


def guarded_source(dispatch: Dispatcher, plugin: str, source: WebhookSource) -> WebhookSource:
    """Return a webhook source whose callables run under the dispatcher."""
    what = f"webhook {source.provider}"

    def verify(inbound: Inbound) -> None:
        dispatch.call_plain(plugin, what, source.verify, inbound)

    def delivery_id(inbound: Inbound) -> str:
        return dispatch.call_plain(plugin, what, source.delivery_id, inbound)

    def answer(inbound: Inbound) -> Reply | None:
        return dispatch.call_plain(plugin, what, source.answer, inbound)

    async def handle(inbound: Inbound) -> None:
        await dispatch.run(plugin, _coroutine(source.handle, inbound), what=what)

    return replace(source, verify=verify, delivery_id=delivery_id, answer=answer, handle=handle)


def guarded_channel(dispatch: Dispatcher, plugin: str, channel: Channel) -> Channel:
    """Return a channel whose methods run under the dispatcher; ``Refused`` is an answer and no failure."""
    return _GuardedChannel(dispatch, plugin, channel)


class _GuardedChannel(Channel):
    def __init__(self, dispatch: Dispatcher, plugin: str, channel: Channel) -> None:
        self._inner = channel
        self._run = partial(dispatch.run, plugin, what=f"channel {channel.pattern}", expected=(Refused,))
        for name in ("pattern", "accepts", "tables"):
            setattr(self, name, getattr(channel, name))

    async def join(self, join: Join) -> Joined:
        joined: Joined = await self._run(_coroutine(self._inner.join, join))
        return joined

    async def receive(self, join: Join, event: str, payload: Payload) -> Payload | None:
        reply: Payload | None = await self._run(_coroutine(self._inner.receive, join, event, payload))
        return reply

    async def replay(self, topic: str, since: str) -> Replay:
        replay: Replay = await self._run(_coroutine(self._inner.replay, topic, since))
        return replay

    def topic_of(self, table: str, column: str, value: str) -> str | None:
        return self._inner.topic_of(table, column, value)


async def _coroutine(function: Any, *arguments: Any) -> Any:
    """Await whatever awaitable a plugin's function returns: the dispatcher takes coroutines alone."""
    return await function(*arguments)
