"""Meet links: an event of Google Calendar with a conference.

https://developers.google.com/workspace/calendar/api/guides/create-events#conferencing
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rallypoint.domains.booking.api import Meeting, MeetingProvider, MeetingRequest
from rallypoint.sdk import Connection, NeedsReauth, PermanentFailure, PluginContext, RetryLater
from rallypoint_google.calendar import EVENTS
from rallypoint_google.client import ask, call
from rallypoint_google.mapping import MEETING, moment
from rallypoint_google.services import CALENDAR

PLATFORM = "google-meet"
_LOOKS = 5
_PAUSE_SECONDS = 0.5
_MINUTE_MS = 60_000


class HostNotConnected(NeedsReauth):
    """The host has no calendar connected, or its token is dead."""


class GoogleMeet:
    """Makes, moves and cancels conferences.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx = ctx

    def provider(self) -> MeetingProvider:
        """Return it for booking."""
        return MeetingProvider(PLATFORM, "Google Meet", self.create, self.update, self.cancel)

    async def host(self, request: MeetingRequest) -> Connection:
        """Return the calendar that a meeting is made in: the host's by address, else the user's own.

        Raises:
            HostNotConnected: There is none that works.
        """
        connections = self._ctx.kernel.connections
        found = None
        if request.host_email:
            found = await connections.by_email(
                request.account_id, request.mode, CALENDAR, request.host_email.lower()
            )
        if found is None:
            found = await connections.find(request.account_id, request.user_id, request.mode, CALENDAR)
        if found is None or found.state != "connected":
            raise HostNotConnected("Host account not connected to Google")
        return found

    async def create(self, request: MeetingRequest) -> Meeting:
        """Make an event with a conference; called again, the same one is returned."""
        connection, event_id = await self.host(request), event_id_of(request)
        if connection.mode != "live":
            return _pretended(event_id)
        params = {"conferenceDataVersion": "1"}
        body = {**_body(request), "id": event_id, "conferenceData": _conference(request)}
        try:
            event = await call(connection.client, "POST", EVENTS, params=params, body=body)
        except PermanentFailure as refused:
            if refused.status != 409:
                raise
            event = await ask(connection.client, _path(event_id))
        return await self._link(connection, event_id, event)

    async def update(self, request: MeetingRequest, meeting: Meeting) -> Meeting:
        """Move the event; its link stays."""
        connection = await self._of(request, meeting)
        if connection.mode == "live":
            path = _path(str(meeting.external["eventId"]))
            await call(connection.client, "PATCH", path, body=_body(request))
        return meeting

    async def cancel(self, request: MeetingRequest, meeting: Meeting) -> None:
        """Remove the event; one that is gone already counts."""
        connection = await self._of(request, meeting)
        try:
            await call(connection.client, "DELETE", _path(str(meeting.external["eventId"])))
        except PermanentFailure as refused:
            if refused.status not in (404, 410):
                raise

    async def _of(self, request: MeetingRequest, meeting: Meeting) -> Connection:
        """Return the calendar that the meeting was made in, whoever's it would be by now."""
        kept = await self._ctx.kernel.connections.get(str(meeting.external.get("connectionId", "")))
        return kept if kept is not None and kept.state == "connected" else await self.host(request)

    async def _link(self, connection: Connection, event_id: str, event: Any) -> Meeting:
        """Wait until the conference is there: Google makes it after it has answered."""
        for look in range(_LOOKS):
            data = (event.get("conferenceData") if isinstance(event, dict) else None) or {}
            status = _status(data)
            if status == "failure":
                raise PermanentFailure("Google could not make the conference")
            if points := _points(data):
                return _meeting(connection, event_id, points)
            await asyncio.sleep(_PAUSE_SECONDS * (look + 1))
            event = await ask(connection.client, _path(event_id))
        raise RetryLater("Google has not made the conference yet", after=10.0)


def event_id_of(request: MeetingRequest) -> str:
    """Return the event's id, the same for every try; base32hex, as Google wants it."""
    return "m" + hashlib.sha256(f"{request.account_id}/{request.request_id}".encode()).hexdigest()[:40]


def _body(request: MeetingRequest) -> dict[str, Any]:
    guests = dict.fromkeys(one for one in (request.host_email, request.guest_email) if one)
    return {
        "summary": request.topic,
        "description": request.description,
        "start": {"dateTime": moment(request.start), "timeZone": request.timezone},
        "end": {
            "dateTime": moment(request.start + request.duration * _MINUTE_MS),
            "timeZone": request.timezone,
        },
        "attendees": [{"email": address} for address in guests],
        "extendedProperties": {"private": {MEETING: request.request_id[:1000]}},
    }


def _conference(request: MeetingRequest) -> dict[str, Any]:
    return {
        "createRequest": {
            "requestId": event_id_of(request),
            "conferenceSolutionKey": {"type": "hangoutsMeet"},
        }
    }


def _status(data: Mapping[str, Any]) -> str:
    request = data.get("createRequest") or {}
    return str((request.get("status") or {}).get("statusCode", ""))


def _points(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the ways into a conference by their type, once there is one to look at."""
    points = {str(one.get("entryPointType")): one for one in data.get("entryPoints") or () if one.get("uri")}
    return points if "video" in points else {}


def _meeting(connection: Connection, event_id: str, points: Mapping[str, Mapping[str, Any]]) -> Meeting:
    url = str(points["video"]["uri"])
    phone = points.get("phone", {})
    pin = f" PIN {phone['pin']}" if phone.get("pin") else ""
    return Meeting(
        url=url,
        meeting_id=url.rstrip("/").rpartition("/")[2],
        dial_in=f"{phone.get('label') or phone['uri']}{pin}" if phone else "",
        external={"eventId": event_id, "connectionId": connection.id},
    )


def _pretended(event_id: str) -> Meeting:
    """Return what a sandbox answers: a link that leads nowhere, of a meeting that nobody was told of."""
    return Meeting(
        "https://meet.google.com/sandbox", "sandbox", external={"eventId": event_id, "connectionId": ""}
    )


def _path(event_id: str) -> str:
    return f"{EVENTS}/{quote(event_id, safe='')}"
