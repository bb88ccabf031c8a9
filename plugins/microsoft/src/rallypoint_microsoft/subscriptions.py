"""Subscriptions: Microsoft posts to our webhook when a calendar changes, until they end.

https://learn.microsoft.com/graph/api/resources/subscription
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rallypoint.domains.booking.api import Watch, WatchRequest
from rallypoint.sdk import Connection, PermanentFailure, RetryLater
from rallypoint_microsoft.client import call
from rallypoint_microsoft.mapping import moment

NOTIFICATIONS = "/integrations/microsoft/notifications"
LONGEST_SECONDS = 4_230 * 60
"""Microsoft's documents name 4,230 minutes as the longest life for events, newer ones 10,080; both take this."""

_PATH = "/subscriptions"


async def watch(connection: Connection, request: WatchRequest) -> Watch:
    """Have Microsoft announce changes; it posts a validation token to our webhook before it answers."""
    body = {
        "changeType": "created,updated,deleted",
        "notificationUrl": request.address,
        "lifecycleNotificationUrl": request.address,
        "resource": "me/events",
        "expirationDateTime": _until(request),
        "clientState": client_state(request.channel_id, request.token),
    }
    return _watch(await call(connection.client, "POST", _PATH, body=body))


async def renew(connection: Connection, watch: Watch, request: WatchRequest) -> Watch:
    """Prolong a subscription, which signs it in anew as well."""
    body = {"expirationDateTime": _until(request)}
    return _watch(await call(connection.client, "PATCH", _path(watch.external_id), body=body))


async def unwatch(connection: Connection, watch: Watch) -> None:
    """Have the announcements end; a subscription that is gone already counts."""
    try:
        await call(connection.client, "DELETE", _path(watch.external_id))
    except PermanentFailure as refused:
        if refused.status != 404:
            raise


def client_state(channel_id: str, token: str) -> str:
    """Return what comes back with each notification: which channel it is of, and the proof; at most 128 long."""
    return f"{channel_id}.{token}"


def _until(request: WatchRequest) -> str:
    return moment(time.time_ns() // 1_000_000 + min(request.ttl, LONGEST_SECONDS) * 1000)


def _watch(reply: Any) -> Watch:
    try:
        ends = datetime.fromisoformat(reply["expirationDateTime"]).timestamp()
        return Watch(str(reply["id"]), str(reply["id"]), round(ends * 1000))
    except (KeyError, TypeError, ValueError):
        raise RetryLater("Microsoft's reply about a subscription cannot be read") from None


def _path(subscription_id: str) -> str:
    return f"{_PATH}/{quote(subscription_id, safe='')}"
