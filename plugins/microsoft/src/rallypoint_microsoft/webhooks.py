"""Microsoft's announcements that a calendar changed, and what it says of its subscriptions.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
https://learn.microsoft.com/graph/change-notifications-lifecycle-events
They are not signed: ``clientState``, which Microsoft repeats from our request, proves each notification of a batch.
What they say is only that it is time to look, or to look after the subscription.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rallypoint.domains.booking.api import CalendarSync
from rallypoint.sdk import (
    BadRequest,
    Inbound,
    PluginContext,
    Reply,
    ServiceMissing,
    Unauthorized,
    Unavailable,
    WebhookSource,
    is_same,
)
from rallypoint_microsoft.services import CALENDAR
from rallypoint_microsoft.subscriptions import NOTIFICATIONS, client_state

_CHANNEL = re.compile(r"[A-Za-z0-9-]{1,64}")
_LONGEST_TOKEN = 4_000
_MOST = 1_000
_MINUTE = 60
_STATES = {"reauthorizationRequired": "renew", "subscriptionRemoved": "removed", "missed": "missed"}
_SAMPLE = "00000000-0000-7000-8000-000000000000"


def source(ctx: PluginContext) -> WebhookSource:
    """Return the endpoint, for notifications and lifecycle notifications alike."""

    def verify(inbound: Inbound) -> None:
        if _handshake(inbound) is not None:
            return
        if not any(True for _ in _proved(ctx, inbound)):
            raise Unauthorized("The client state does not match")

    async def handle(inbound: Inbound) -> None:
        told = {_said(channel, one): None for channel, one in _proved(ctx, inbound)}
        for channel, subscription, state in told:
            await ctx.service(CalendarSync).notified(CALENDAR, channel, subscription, state, 0)

    return WebhookSource(
        provider="outlook_calendar",
        path=NOTIFICATIONS,
        verify=verify,
        delivery_id=_delivery_id,
        handle=handle,
        answer=_answer,
        ok=Reply({"received": True}, status=202),
        sample=lambda: _sample(ctx),
        forge=_forged,
        summary="Hear from Microsoft that a calendar changed",
    )


def _answer(inbound: Inbound) -> Reply | None:
    """Repeat the validation token, with which Microsoft asks whether the address is ours."""
    token = _handshake(inbound)
    if token is None:
        return None
    return Reply(token.encode(), headers={"Cache-Control": "no-store"}, content_type="text/plain")


def _handshake(inbound: Inbound) -> str | None:
    token = inbound.query.get("validationToken", "")
    return token if token and len(token) <= _LONGEST_TOKEN and not inbound.body.strip() else None


def _proved(ctx: PluginContext, inbound: Inbound) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the notifications of a batch whose client state holds, with the channel that it names."""
    for one in _batch(inbound.body):
        state = str(one.get("clientState") or "")
        channel = state.partition(".")[0]
        if _CHANNEL.fullmatch(channel) and is_same(state, client_state(channel, _token(ctx, channel))):
            yield channel, one


def _batch(body: bytes) -> list[Mapping[str, Any]]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise Unauthorized("The body is no JSON") from None
    value = sent.get("value") if isinstance(sent, dict) else None
    if not isinstance(value, list) or len(value) > _MOST:
        raise Unauthorized("The body holds no notifications")
    return [one for one in value if isinstance(one, dict)]


def _said(channel: str, one: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the channel, the subscription, and what is said of it."""
    state = _STATES.get(str(one.get("lifecycleEvent") or ""), "exists")
    return channel, str(one.get("subscriptionId") or ""), state


def _delivery_id(inbound: Inbound) -> str:
    """Return a mark of what is told: Microsoft numbers nothing.

    A repeated notification has the same body, and a new change another etag. Lifecycle notifications have nothing
    of the kind, so theirs counts for a minute.
    """
    told = _batch(inbound.body)
    if not told:
        raise BadRequest("There is no notification")
    mark = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    if any("lifecycleEvent" in one for one in told):
        return f"{mark}/{int(time.time()) // _MINUTE}"
    return mark


def _sample(ctx: PluginContext) -> Inbound:
    one = {
        "subscriptionId": _SAMPLE,
        "subscriptionExpirationDateTime": "2030-01-01T00:00:00Z",
        "clientState": client_state(_SAMPLE, _token(ctx, _SAMPLE)),
        "changeType": "updated",
        "resource": "Users/sample/Events/sample",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "@odata.etag": 'W/"1"', "id": "sample"},
        "tenantId": _SAMPLE,
    }
    body = json.dumps({"value": [one]}).encode()
    return Inbound(body, {"content-type": "application/json"}, {}, NOTIFICATIONS)


def _forged(sample: Inbound) -> Inbound:
    """Return it with the last character of its client state changed."""
    told = json.loads(sample.body)
    state = told["value"][0]["clientState"]
    told["value"][0]["clientState"] = state[:-1] + ("0" if state[-1] != "0" else "1")
    return replace(sample, body=json.dumps(told).encode())


def _token(ctx: PluginContext, channel: str) -> str:
    try:
        return ctx.service(CalendarSync).channel_token(channel)
    except ServiceMissing:
        raise Unavailable("Calendars are switched off") from None
