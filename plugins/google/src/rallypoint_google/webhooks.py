"""Google's announcements that a calendar changed.

https://developers.google.com/workspace/calendar/api/guides/push#receiving
They have no body and no signature: the token, which Google repeats from our request, proves them. What they say is
only that it is time to look.
"""

from __future__ import annotations

import re

from rallypoint.domains.booking.api import CalendarSync
from rallypoint.sdk import (
    BadRequest,
    Inbound,
    PluginContext,
    ServiceMissing,
    Unauthorized,
    Unavailable,
    WebhookSource,
    is_same,
)
from rallypoint_google.calendar import NOTIFICATIONS
from rallypoint_google.services import CALENDAR

_CHANNEL = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
_STATES = frozenset({"sync", "exists", "not_exists"})
_SAMPLE = "00000000-0000-7000-8000-000000000000"


def source(ctx: PluginContext) -> WebhookSource:
    """Return the endpoint."""

    def verify(inbound: Inbound) -> None:
        channel, token = _header(inbound, "channel-id"), _header(inbound, "channel-token")
        if not _CHANNEL.fullmatch(channel) or not token:
            raise Unauthorized("The channel or its token is missing")
        if inbound.body:
            raise Unauthorized("Google's notifications have no body")
        if not is_same(token, _token(ctx, channel)):
            raise Unauthorized("The channel's token does not match")

    async def handle(inbound: Inbound) -> None:
        await ctx.service(CalendarSync).notified(
            CALENDAR,
            _header(inbound, "channel-id"),
            _header(inbound, "resource-id"),
            _header(inbound, "resource-state"),
            _number(inbound),
        )

    def sample() -> Inbound:
        headers = {
            "x-goog-channel-id": _SAMPLE,
            "x-goog-channel-token": _token(ctx, _SAMPLE),
            "x-goog-resource-id": "sample",
            "x-goog-resource-state": "sync",
            "x-goog-message-number": "1",
        }
        return Inbound(b"", headers, {}, NOTIFICATIONS)

    return WebhookSource(
        provider="google_calendar",
        path=NOTIFICATIONS,
        verify=verify,
        delivery_id=_delivery_id,
        handle=handle,
        sample=sample,
        summary="Hear from Google that a calendar changed",
    )


def _delivery_id(inbound: Inbound) -> str:
    """Return channel and message number, which Google counts up for each channel."""
    state = _header(inbound, "resource-state")
    if state not in _STATES:
        raise BadRequest("Google announces sync, exists or not_exists")
    return f"{_header(inbound, 'channel-id')}/{_number(inbound)}"


def _number(inbound: Inbound) -> int:
    text = _header(inbound, "message-number")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest("The message has no number")
    return int(text)


def _header(inbound: Inbound, name: str) -> str:
    return inbound.headers.get(f"x-goog-{name}", "")


def _token(ctx: PluginContext, channel: str) -> str:
    try:
        return ctx.service(CalendarSync).channel_token(channel)
    except ServiceMissing:
        raise Unavailable("Calendars are switched off") from None
