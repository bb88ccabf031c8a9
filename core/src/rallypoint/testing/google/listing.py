"""``events.list``: pages, and tokens by which a client hears later what changed.

https://developers.google.com/workspace/calendar/api/guides/sync
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from rallypoint.testing.google.api import ApiCall
from rallypoint.testing.google.errors import Refusal, invalid
from rallypoint.testing.google.events import Calendar, Resource
from rallypoint.testing.google.times import moment, span

_NARROWING = frozenset(
    {"iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "updatedMin"}
)
_NOT_WITH_SYNC = _NARROWING | {"timeMin", "timeMax"}
_MAY_CHANGE = frozenset(
    {"pageToken", "syncToken", "maxResults", "fields", "prettyPrint", "alt", "key", "quotaUser"}
    | {"timeMin", "timeMax"}
)
_MOST = 2500
_EXPIRED = Refusal(
    410,
    "fullSyncRequired",
    "Sync token is no longer valid, a full sync is required.",
    domain="calendar",
    location="syncToken",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing stands.

    Args:
        at: Changes up to this number have been listed.
        until: Changes after this number belong to the next listing.
        incremental: Whether deleted events are listed too.
        asked: Digest of the parameters, which must stay the same.
        generation: Of the calendar.
        owner: Whose calendar.
    """

    at: int
    until: int
    incremental: bool
    asked: str
    generation: int
    owner: str

    def dump(self) -> str:
        """Return an opaque token."""
        return base64.urlsafe_b64encode(json.dumps(astuple(self)).encode()).decode()

    @classmethod
    def load(cls, token: str, name: str) -> Place:
        """Read a token.

        Raises:
            Refusal: It is none of ours.
        """
        try:
            return cls(*json.loads(base64.urlsafe_b64decode(token)))
        except (ValueError, TypeError, binascii.Error):
            raise invalid(f"Invalid {'page' if name == 'pageToken' else 'sync'} token value.", name) from None


def list_events(calendar: Calendar, call: ApiCall, access_role: str = "owner") -> dict[str, Any]:
    """Answer a listing.

    Raises:
        Refusal: Parameters that do not go together (400), or an old sync token (410).
    """
    _check(call)
    place = _place(calendar, call)
    items: list[Resource] = []
    last = place.at
    most = min(call.number("maxResults", 250), _MOST)
    for number, event in calendar.since(place.at, place.until):
        if len(items) == most:
            return _reply(calendar, items, access_role, {"nextPageToken": replace(place, at=last).dump()})
        if _listed(calendar, event, call, incremental=place.incremental):
            items.append(_shown(event))
        last = number
    if any(name in call.query for name in _NARROWING):
        return _reply(calendar, _ordered(items, call), access_role, {})
    done = replace(place, at=place.until, incremental=True)
    return _reply(calendar, items, access_role, {"nextSyncToken": done.dump()})


def _check(call: ApiCall) -> None:
    for name in sorted(_NOT_WITH_SYNC):
        if "syncToken" in call.query and name in call.query:
            raise invalid(f"Sync token cannot be used with {name}.", name)
    if call.query.get("showDeleted") == "false" and "syncToken" in call.query:
        raise invalid("Sync token cannot be used with showDeleted=false.", "showDeleted")
    if call.query.get("orderBy") == "startTime" and not call.flag("singleEvents"):
        raise invalid("The requested ordering is not available for the particular query.", "orderBy")


def _place(calendar: Calendar, call: ApiCall) -> Place:
    asked = _digest(call.repeated)
    if token := call.query.get("pageToken"):
        place = Place.load(token, "pageToken")
        if place.incremental != ("syncToken" in call.query):
            raise invalid("Invalid page token value.", "pageToken")
        return _same(place, asked, calendar, "pageToken")
    if token := call.query.get("syncToken"):
        place = _same(Place.load(token, "syncToken"), asked, calendar, "syncToken")
        if place.generation != calendar.generation:
            raise _EXPIRED
        return replace(place, until=calendar.high)
    return Place(0, calendar.high, False, asked, calendar.generation, calendar.email)


def _same(place: Place, asked: str, calendar: Calendar, name: str) -> Place:
    if (place.asked, place.owner) != (asked, calendar.email):
        raise invalid("The parameters differ from those of the token.", name)
    return place


def _digest(asked: Mapping[str, Sequence[str]]) -> str:
    kept = sorted((name, sorted(values)) for name, values in asked.items() if name not in _MAY_CHANGE)
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:16]


def _listed(calendar: Calendar, event: Resource, call: ApiCall, *, incremental: bool) -> bool:
    single = call.flag("singleEvents")
    if "recurrence" in event if single else calendar.is_plain_instance(event):
        return False
    if event["status"] == "cancelled" and not (incremental or call.flag("showDeleted")):
        return False
    return _within(calendar, event, call) and _found(event, call)


def _within(calendar: Calendar, event: Resource, call: ApiCall) -> bool:
    begins, ends = span(event, calendar.time_zone)
    after, before = call.query.get("timeMin"), call.query.get("timeMax")
    return (after is None or ends > _time(after)) and (before is None or begins < _time(before))


def _time(text: str) -> Any:
    return moment({"dateTime": text, "timeZone": "UTC"}, "UTC")


def _found(event: Resource, call: ApiCall) -> bool:
    text = f"{event.get('summary', '')} {event.get('description', '')}".lower()
    private = (event.get("extendedProperties") or {}).get("private") or {}
    wanted = [one.partition("=") for one in call.repeated.get("privateExtendedProperty", [])]
    return (
        call.query.get("q", "").lower() in text
        and call.query.get("iCalUID", event["iCalUID"]) == event["iCalUID"]
        and all(private.get(key) == value for key, _, value in wanted)
    )


def _shown(event: Resource) -> Resource:
    """Return an event as listed: of a deleted one that somebody else organised only what Google promises."""
    if event["status"] != "cancelled" or event["organizer"].get("self"):
        return event
    promised = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
    return {name: event[name] for name in promised if name in event}


def _ordered(items: list[Resource], call: ApiCall) -> list[Resource]:
    if call.query.get("orderBy") != "startTime":
        return items
    return sorted(items, key=lambda event: moment(event["start"], "UTC"))


def _reply(calendar: Calendar, items: list[Resource], role: str, token: Mapping[str, str]) -> dict[str, Any]:
    return {
        "kind": "calendar#events",
        "etag": f'"p{calendar.high}"',
        "summary": calendar.email,
        "timeZone": calendar.time_zone,
        "accessRole": role,
        "defaultReminders": [{"method": "popup", "minutes": 10}],
        "items": items,
        **token,
    }
