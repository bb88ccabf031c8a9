"""Meet links: of the event by which an appointment stands in the host's calendar, else of an event of their own.

https://developers.google.com/workspace/calendar/api/guides/create-events#conferencing
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from rallypoint.domains.booking.api import CalendarSync, Meeting, MeetingProvider, MeetingRequest, Meetings
from rallypoint.domains.booking.api.hosts import CONNECTION, Hosts
from rallypoint.sdk import Connection, PermanentFailure, PluginContext, RetryLater
from rallypoint_google.calendar import EVENTS
from rallypoint_google.client import ask, call
from rallypoint_google.mapping import MEETING, moment
from rallypoint_google.services import CALENDAR

PLATFORM = "google-meet"
NOT_CONNECTED = "Host account not connected to Google"
_LOOKS = 5
_PAUSE_SECONDS = 0.5
_MINUTE_MS = 60_000
_WITH = {"conferenceDataVersion": "1"}
Points = dict[str, Mapping[str, Any]]
"""The ways into a conference, by their type."""


class GoogleMeet:
    """Makes, moves and cancels conferences.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx = ctx
        self._hosts = Hosts(ctx, CALENDAR, NOT_CONNECTED)

    def provider(self) -> MeetingProvider:
        """Return it for booking."""
        return MeetingProvider(PLATFORM, "Google Meet", self.create, self.update, self.cancel)

    async def create(self, request: MeetingRequest) -> Meeting:
        """Give the appointment's own event a conference, or make an event for it; again, the same one is returned."""
        connection = await self._hosts.of(request)
        if connection.mode != "live":
            return _pretended(event_id_of(request))
        own = await self._own_event(connection, request)
        if own:
            return await self._conference(connection, own, request, shared=True)
        return await self._conference(connection, event_id_of(request), request, shared=False)

    async def update(self, request: MeetingRequest, meeting: Meeting) -> Meeting:
        """Move the event; its link stays. The appointment's own event is moved by the sync."""
        connection = await self._hosts.who_made(request, meeting)
        if connection.mode == "live" and not meeting.external.get("shared"):
            path = _path(str(meeting.external["eventId"]))
            await call(connection.client, "PATCH", path, body=_body(request))
        return meeting

    async def cancel(self, request: MeetingRequest, meeting: Meeting) -> None:
        """Remove the event, or the conference of the appointment's own; what is gone already counts."""
        connection = await self._hosts.who_made(request, meeting)
        path = _path(str(meeting.external["eventId"]))
        try:
            if meeting.external.get("shared"):
                await call(connection.client, "PATCH", path, params=_WITH, body={"conferenceData": None})
            else:
                await call(connection.client, "DELETE", path)
        except PermanentFailure as refused:
            if refused.status not in (404, 410):
                raise

    async def _own_event(self, connection: Connection, request: MeetingRequest) -> str:
        """Return the event by which the appointment stands in this calendar; empty when it does not.

        Raises:
            RetryLater: It is about to be written there.
        """
        view = await self._ctx.service(Meetings).appointment_of(
            account_id=request.account_id, mode=request.mode, request_id=request.request_id
        )
        if view is None:
            return ""
        found = await self._ctx.service(CalendarSync).event_of(connection, view.id)
        if found == "":
            raise RetryLater("the appointment is about to be written to the calendar", after=2.0)
        return found or ""

    async def _conference(
        self, connection: Connection, event_id: str, request: MeetingRequest, *, shared: bool
    ) -> Meeting:
        event = await (self._share if shared else self._make)(connection, event_id, request)
        points = await self._points(connection, event_id, event)
        return _meeting(points, {"eventId": event_id, CONNECTION: connection.id, "shared": shared})

    async def _share(self, connection: Connection, event_id: str, _request: MeetingRequest) -> Any:
        """Add a conference to an event, unless it has one."""
        event = await self._existing(connection, event_id)
        if event is None or event.get("status") == "cancelled":
            raise RetryLater("the appointment's event was deleted in the calendar", after=5.0)
        if _points(event.get("conferenceData") or {}):
            return event
        return await call(connection.client, "PATCH", _path(event_id), params=_WITH, body=_wanted())

    async def _make(self, connection: Connection, event_id: str, request: MeetingRequest) -> Any:
        """Make an event with a conference; one that was made before is found, one that was deleted comes back."""
        body = {**_body(request), **_wanted()}
        try:
            return await call(connection.client, "POST", EVENTS, params=_WITH, body={**body, "id": event_id})
        except PermanentFailure as refused:
            event = await self._existing(connection, event_id) if refused.status == 409 else None
            if event is None:
                raise
        if event.get("status") != "cancelled":
            return event
        revived = {**body, "status": "confirmed"}
        return await call(connection.client, "PATCH", _path(event_id), params=_WITH, body=revived)

    async def _existing(self, connection: Connection, event_id: str) -> dict[str, Any] | None:
        try:
            return await ask(connection.client, _path(event_id))
        except PermanentFailure as refused:
            if refused.status in (404, 410):
                return None
            raise

    async def _points(self, connection: Connection, event_id: str, event: Any) -> Points:
        """Wait until the conference is there: Google makes it after it has answered."""
        for look in range(_LOOKS):
            data = (event.get("conferenceData") if isinstance(event, dict) else None) or {}
            if _status(data) == "failure":
                raise PermanentFailure("Google could not make the conference")
            if points := _points(data):
                return points
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


def _wanted() -> dict[str, Any]:
    """Ask for a conference; Google ignores an id that it has seen, so each is new."""
    wanted = {"requestId": uuid4().hex, "conferenceSolutionKey": {"type": "hangoutsMeet"}}
    return {"conferenceData": {"createRequest": wanted}}


def _status(data: Mapping[str, Any]) -> str:
    request = data.get("createRequest") or {}
    return str((request.get("status") or {}).get("statusCode", ""))


def _points(data: Mapping[str, Any]) -> Points:
    """Return the ways into a conference by their type, once there is one to look at."""
    points = {str(one.get("entryPointType")): one for one in data.get("entryPoints") or () if one.get("uri")}
    return points if "video" in points else {}


def _meeting(points: Points, external: Mapping[str, Any]) -> Meeting:
    url = str(points["video"]["uri"])
    phone = points.get("phone", {})
    pin = f" PIN {phone['pin']}" if phone.get("pin") else ""
    return Meeting(
        url=url,
        meeting_id=url.rstrip("/").rpartition("/")[2],
        dial_in=f"{phone.get('label') or phone['uri']}{pin}" if phone else "",
        external=external,
    )


def _pretended(event_id: str) -> Meeting:
    """Return what a sandbox answers: a link that leads nowhere, of a meeting that nobody was told of."""
    return Meeting(
        "https://meet.google.com/sandbox", "sandbox", external={"eventId": event_id, CONNECTION: ""}
    )


def _path(event_id: str) -> str:
    return f"{EVENTS}/{quote(event_id, safe='')}"
