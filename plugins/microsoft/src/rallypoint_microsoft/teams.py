"""Teams meetings: an event in the host's Outlook calendar that Teams makes a meeting of.

https://learn.microsoft.com/graph/outlook-calendar-online-meetings
Only work and school accounts have Teams meetings in their calendars (``teamsForBusiness``).
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from rallypoint.domains.booking.api import Meeting, MeetingProvider, MeetingRequest
from rallypoint.domains.booking.api.hosts import CONNECTION, Hosts
from rallypoint.sdk import Connection, PermanentFailure, PluginContext, RetryLater
from rallypoint_microsoft.client import call
from rallypoint_microsoft.events import EVENTS, by_key, find, is_gone, keyed, path_of
from rallypoint_microsoft.mapping import MEETING, PREFER, attendee
from rallypoint_microsoft.services import CALENDAR
from rallypoint_microsoft.zones import wall_time

PLATFORM = "teams"
NOT_CONNECTED = "Host account not connected to Microsoft"
_LOOKS = 4
_PAUSE_SECONDS = 0.5
_MINUTE_MS = 60_000
_LONGEST_ID = 200


class Teams:
    """Makes, moves and cancels Teams meetings.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._hosts = Hosts(ctx, CALENDAR, NOT_CONNECTED)

    def provider(self) -> MeetingProvider:
        """Return it for booking."""
        return MeetingProvider(PLATFORM, "Microsoft Teams", self.create, self.update, self.cancel)

    async def create(self, request: MeetingRequest) -> Meeting:
        """Make an event with a meeting; called again, the same one is returned."""
        connection, key = await self._hosts.of(request), key_of(request)
        if connection.mode != "live":
            return _pretended(request)
        body = {
            **_body(request),
            "isOnlineMeeting": True,
            "onlineMeetingProvider": "teamsForBusiness",
            **keyed(key),
        }
        try:
            event = await call(connection.client, "POST", EVENTS, body=body, prefer=PREFER)
        except PermanentFailure as refused:
            event = await by_key(connection, key) if refused.status == 409 else None
            if event is None:
                raise
        return await self._joined(connection, event)

    async def update(self, request: MeetingRequest, meeting: Meeting) -> Meeting:
        """Move the event; its link stays."""
        connection = await self._hosts.who_made(request, meeting)
        if connection.mode == "live":
            # Text that is sent anew would take the way in out of the invitation's body.
            body = {name: part for name, part in _body(request).items() if name != "body"}
            path = path_of(str(meeting.external["eventId"]))
            await call(connection.client, "PATCH", path, body=body, prefer=PREFER)
        return meeting

    async def cancel(self, request: MeetingRequest, meeting: Meeting) -> None:
        """Remove the event, of which Outlook tells its guests; one that is gone already counts."""
        connection = await self._hosts.who_made(request, meeting)
        try:
            await call(connection.client, "DELETE", path_of(str(meeting.external["eventId"])))
        except PermanentFailure as refused:
            if not is_gone(refused):
                raise

    async def _joined(self, connection: Connection, event: Any) -> Meeting:
        """Wait until the meeting is there: Teams makes it after the event."""
        event_id = str(event.get("id") or "") if isinstance(event, dict) else ""
        for look in range(_LOOKS):
            if not event_id or event is None:
                raise RetryLater("Microsoft's reply about a meeting cannot be read")
            if url := _join_url(event):
                return _meeting(connection, event, url)
            if event.get("isOnlineMeeting") is False:
                raise PermanentFailure("the host's account has no Teams meetings")
            await asyncio.sleep(_PAUSE_SECONDS * (look + 1))
            event = await find(connection, event_id)
        raise RetryLater("Teams has not made the meeting yet", after=10.0)


def key_of(request: MeetingRequest) -> str:
    """Return the id of the order, the same for every try."""
    return MEETING + hashlib.sha256(f"{request.account_id}/{request.request_id}".encode()).hexdigest()[:40]


def _body(request: MeetingRequest) -> dict[str, Any]:
    host = request.host_email.lower()
    guests = [request.guest_email] if request.guest_email.lower() not in ("", host) else []
    ends = request.start + request.duration * _MINUTE_MS
    return {
        "subject": request.topic,
        "body": {"contentType": "text", "content": request.description},
        "start": wall_time(request.start, request.timezone),
        "end": wall_time(ends, request.timezone),
        "attendees": [attendee(address) for address in guests],
    }


def _join_url(event: Any) -> str:
    online = event.get("onlineMeeting")
    return str(online.get("joinUrl") or "") if isinstance(online, dict) else ""


def _meeting(connection: Connection, event: dict[str, Any], url: str) -> Meeting:
    online, event_id = event["onlineMeeting"], str(event["id"])
    number = str(online.get("tollNumber") or "")
    conference = f" ID {online['conferenceId']}" if online.get("conferenceId") else ""
    return Meeting(
        url=url,
        meeting_id=event_id[:_LONGEST_ID],
        dial_in=f"{number}{conference}" if number else "",
        external={
            "eventId": event_id,
            CONNECTION: connection.id,
            "subject": str(event.get("subject") or ""),
        },
    )


def _pretended(request: MeetingRequest) -> Meeting:
    """Return what a sandbox answers: a link that leads nowhere, of a meeting that nobody was told of."""
    external = {"eventId": "sandbox", CONNECTION: "", "subject": request.topic}
    return Meeting("https://teams.microsoft.com/l/meetup-join/sandbox", "sandbox", external=external)
