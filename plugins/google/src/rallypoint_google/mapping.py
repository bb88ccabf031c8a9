"""Events as Google writes them and as the sync engine knows them.

https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rallypoint.domains.booking.api import CalendarEvent, ExternalEvent

KEY = "rallypointKey"
"""Our private extended property: the stable id of the appointment in this calendar."""

GUESTS = "rallypointGuests"
"""Our private extended property: whom we invited, to be told from those whom people invited in Google."""

MEETING = "rallypointMeeting"
"""Our private extended property of an event that was made for its Meet link: it blocks time and is no appointment."""

FIELDS = (
    "id,etag,status,updated,summary,description,start,end,recurringEventId,transparency,eventType,"
    "organizer/self,attendees(email,self,responseStatus),extendedProperties/private"
)
"""What is read of an event: a tenth of what Google would send."""

UNREADABLE = (KeyError, ValueError, TypeError, AttributeError)
"""What :func:`read` raises when a reply is not what Google documents."""

_MAX_TEXT = 8_192
_MAX_PROPERTY = 1_000
_NOTHING: Mapping[str, Any] = {}
_NO_TIME_OFF = frozenset({"workingLocation", "birthday"})


def written(event: CalendarEvent) -> dict[str, Any]:
    """Return our appointment as an event of Google's, in the documented format."""
    if event.only_time:
        return _times(event)
    return {
        "summary": event.summary,
        "description": event.description,
        **_times(event),
        "attendees": [{"email": address} for address in event.attendees],
        "reminders": {"useDefault": True},
        "extendedProperties": {
            "private": {KEY: event.uid, GUESTS: ",".join(event.attendees)[:_MAX_PROPERTY]}
        },
    }


def guests(existing: Mapping[str, Any], event: CalendarEvent) -> list[dict[str, Any]]:
    """Return whom an event is to invite: ours, and whom people invited in Google, with what they answered.

    Args:
        existing: The event as it is there; what we invited before, and would not any more, goes.
        event: As it should be.
    """
    private = (existing.get("extendedProperties") or {}).get("private") or {}
    ours = {address.lower() for address in event.attendees}
    former = set(str(private.get(GUESTS, "")).lower().split(",")) - ours
    named = [one for one in existing.get("attendees") or () if one.get("email")]
    kept = [one for one in named if one["email"].lower() not in former]
    there = {one["email"].lower() for one in kept}
    return [*kept, *({"email": one} for one in event.attendees if one.lower() not in there)]


def _times(event: CalendarEvent) -> dict[str, Any]:
    # An event that somebody made all-day there has a date, which a patch must take away.
    return {
        "start": {"dateTime": moment(event.start), "timeZone": event.timezone, "date": None},
        "end": {"dateTime": moment(event.end), "timeZone": event.timezone, "date": None},
    }


def moment(at: int) -> str:
    """Return milliseconds as Google takes a time."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(event: Mapping[str, Any], calendar_zone: str = "UTC") -> ExternalEvent:
    """Return an event of Google's as the engine knows it.

    Args:
        event: As replied; of a deleted one Google promises no more than the id.
        calendar_zone: Of the calendar, in which its all-day events lie.

    Raises:
        KeyError, ValueError, TypeError, AttributeError: It is none; see :data:`UNREADABLE`.
    """
    start, end = event.get("start") or _NOTHING, event.get("end") or _NOTHING
    private = (event.get("extendedProperties") or _NOTHING).get("private") or _NOTHING
    guests, declined = _guests(event.get("attendees") or ())
    all_day, recurring = "date" in start, "recurringEventId" in event
    organizer_self = bool((event.get("organizer") or _NOTHING).get("self")) and MEETING not in private
    return ExternalEvent(  # by position: a first sync reads thousands, and names take an eighth of it
        str(event["id"]),
        str(event.get("etag", "")),
        _ms(event["updated"]) if "updated" in event else 0,
        "cancelled" if event.get("status") == "cancelled" else "confirmed",
        _at(start, calendar_zone),
        _at(end, calendar_zone),
        str(start.get("timeZone") or calendar_zone),
        all_day,
        recurring,
        not declined and _blocks(event),
        str(event.get("summary", ""))[:_MAX_TEXT],
        str(event.get("description", ""))[:_MAX_TEXT],
        guests,
        str(private.get(KEY, "")),
        organizer_self,
    )


def _at(part: Mapping[str, Any], calendar_zone: str) -> int | None:
    if (time := part.get("dateTime")) is not None:
        return _ms(time)
    if "date" not in part:
        return None
    day = date.fromisoformat(part["date"])
    return round(datetime(day.year, day.month, day.day, tzinfo=_zone(calendar_zone)).timestamp() * 1000)


def _ms(text: str) -> int:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1000)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _blocks(event: Mapping[str, Any]) -> bool:
    """Tell whether an event takes its owner's time: shown as busy, and about being away or at work."""
    opaque = event.get("transparency", "opaque") == "opaque"
    return opaque and event.get("eventType") not in _NO_TIME_OFF


def _guests(attendees: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, ...], bool]:
    """Return the others' addresses, and whether the calendar's owner has declined."""
    addresses, declined = [], False
    for one in attendees:
        if one.get("self"):
            declined = one.get("responseStatus") == "declined"
        elif address := one.get("email"):
            addresses.append(str(address))
    return tuple(addresses), declined
