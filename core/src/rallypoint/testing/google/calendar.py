"""The methods of the Calendar API that the fake plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rallypoint.testing.google.api import ApiCall, Handler
from rallypoint.testing.google.channels import Channels
from rallypoint.testing.google.conferences import Conferences
from rallypoint.testing.google.errors import Refusal
from rallypoint.testing.google.events import Calendar, Resource
from rallypoint.testing.google.listing import list_events
from rallypoint.testing.google.times import moment, span, stamp


class CalendarApi:
    """Calendars by the address of their users; each user sees the own one alone.

    Args:
        calendar_of: Returns a user's calendar.
        channels: Open push channels.
        root: Returns the base URL of the fake.
    """

    def __init__(
        self, calendar_of: Callable[[str], Calendar], channels: Channels, root: Callable[[], str]
    ) -> None:
        self._calendar_of = calendar_of
        self._channels = channels
        self._root = root
        self.conferences = Conferences()

    def handlers(self) -> Mapping[str, Handler]:
        """Return what is played, by method id."""
        return {
            "calendar.events.list": lambda call: list_events(self._calendar(call), call),
            "calendar.events.get": self._get,
            "calendar.events.insert": self._insert,
            "calendar.events.update": self._update,
            "calendar.events.patch": self._patch,
            "calendar.events.delete": self._delete,
            "calendar.events.watch": self._watch,
            "calendar.channels.stop": lambda call: self._channels.stop(call.email, call.body),
            "calendar.calendars.get": self._show,
            "calendar.calendarList.get": self._entry,
            "calendar.calendarList.list": self._entries,
            "calendar.freebusy.query": self._free_busy,
        }

    def _calendar(self, call: ApiCall) -> Calendar:
        return self._named(call, call.path["calendarId"])

    def _named(self, call: ApiCall, name: str) -> Calendar:
        if name not in ("primary", call.email):
            raise Refusal(404, "notFound", "Not Found")
        return self._calendar_of(call.email)

    def _get(self, call: ApiCall) -> Resource:
        return self.conferences.shown(self._calendar(call).get(call.path["eventId"]))

    def _insert(self, call: ApiCall) -> Resource:
        body = self.conferences.asked(call.body, {}, call.number("conferenceDataVersion", 0))
        return self.conferences.shown(self._calendar(call).insert(body))

    def _update(self, call: ApiCall) -> Resource:
        return self._changed(call, Calendar.replace)

    def _patch(self, call: ApiCall) -> Resource:
        return self._changed(call, Calendar.merge)

    def _changed(self, call: ApiCall, change: Callable[..., Resource]) -> Resource:
        calendar, event_id = self._calendar(call), call.path["eventId"]
        before = calendar.get(event_id)
        body = self.conferences.asked(call.body, before, call.number("conferenceDataVersion", 0))
        changed = change(calendar, event_id, body, call.headers.get("If-Match"))
        return self.conferences.shown(changed)

    def _delete(self, call: ApiCall) -> None:
        self._calendar(call).delete(call.path["eventId"], call.headers.get("If-Match"))

    def _watch(self, call: ApiCall) -> Resource:
        calendar = self._calendar(call)
        uri = f"{self._root()}/calendar/v3/calendars/{call.path['calendarId']}/events?alt=json"
        return self._channels.watch(calendar.email, uri, call.body)

    def _show(self, call: ApiCall) -> Resource:
        calendar = self._calendar(call)
        shown = {"id": calendar.email, "summary": calendar.email, "timeZone": calendar.time_zone}
        return {"kind": "calendar#calendar", "etag": '"c1"', **shown}

    def _entry(self, call: ApiCall) -> Resource:
        calendar = self._calendar(call)
        shown = {"id": calendar.email, "summary": calendar.email, "timeZone": calendar.time_zone}
        more = {"accessRole": "owner", "primary": True, "selected": True, "defaultReminders": []}
        return {"kind": "calendar#calendarListEntry", "etag": '"l1"', **shown, **more}

    def _entries(self, call: ApiCall) -> Resource:
        entry = self._entry(ApiCall(call.email, {"calendarId": "primary"}, {}, {}, {}, {}))
        return {"kind": "calendar#calendarList", "etag": '"l1"', "items": [entry]}

    def _free_busy(self, call: ApiCall) -> Resource:
        body = call.body
        if not body.get("timeMin") or not body.get("timeMax"):
            raise Refusal(400, "required", "Missing timeMin or timeMax parameter.")
        window = _utc(body["timeMin"]), _utc(body["timeMax"])
        asked = [item["id"] for item in body.get("items", [])]
        return {
            "kind": "calendar#freeBusy",
            "timeMin": stamp(window[0]),
            "timeMax": stamp(window[1]),
            "calendars": {name: self._busy(call, name, *window) for name in asked},
        }

    def _busy(self, call: ApiCall, name: str, begins: datetime, ends: datetime) -> dict[str, Any]:
        try:
            calendar = self._named(call, name)
        except Refusal:
            return {"busy": [], "errors": [{"domain": "global", "reason": "notFound"}]}
        spans = sorted(
            span(event, calendar.time_zone) for event in calendar.events.values() if _blocks(event)
        )
        inside = [one for one in spans if one[0] < ends and one[1] > begins]
        return {"busy": [{"start": stamp(max(a, begins)), "end": stamp(min(b, ends))} for a, b in inside]}


def _blocks(event: Resource) -> bool:
    opaque = event.get("transparency", "opaque") == "opaque"
    return opaque and event["status"] != "cancelled" and "recurrence" not in event


def _utc(text: str) -> datetime:
    return moment({"dateTime": text, "timeZone": "UTC"}, "UTC").astimezone(UTC)
