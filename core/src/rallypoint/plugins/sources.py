"""A plugin's webhook source and kinds of targets: their functions run as every other piece of its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rallypoint.plugins.contributions import Inbound, TargetInfo, TargetKind, WebhookSource
from rallypoint.plugins.dispatch import Dispatcher
from rallypoint.web.routing import Reply


def guard_source(dispatch: Dispatcher, plugin: str, source: WebhookSource) -> WebhookSource:
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


def guard_kind(dispatch: Dispatcher, plugin: str, kind: TargetKind) -> TargetKind:
    """Return a kind of webhook targets whose function runs under the dispatcher."""

    async def headers(targets: Sequence[TargetInfo]) -> Mapping[str, Mapping[str, str]]:
        work = _coroutine(kind.headers, targets)
        found: Mapping[str, Mapping[str, str]] = await dispatch.run(
            plugin, work, what=f"headers of {kind.kind}", timeout=dispatch.timeout
        )
        return found

    return replace(kind, headers=headers)


async def _coroutine(function: Any, *arguments: Any) -> Any:
    """Await whatever awaitable a plugin's function returns: the dispatcher takes coroutines alone."""
    return await function(*arguments)
