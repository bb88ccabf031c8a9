"""Events as Microsoft Graph writes them and as the sync engine knows them.

https://learn.microsoft.com/graph/api/resources/event
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rallypoint.domains.booking.api import CalendarEvent, ExternalEvent
from rallypoint_microsoft.texts import text_of
from rallypoint_microsoft.zones import iana_of, read_time, wall_time, zone_of

PREFER = 'outlook.timezone="UTC", outlook.body-content-type="text"'
"""How events are asked for: times in UTC, and texts as texts."""

MEETING = "rallypoint-meeting-"
"""How the ``transactionId`` of an event begins that holds nothing but a Teams meeting."""

_MAX_TEXT = 8_192
_FREE = frozenset({"free", "workingElsewhere"})


def written(event: CalendarEvent) -> dict[str, Any]:
    """Return our appointment as an event of Graph's, in the documented format."""
    if event.only_time:
        return _times(event)
    return {
        "subject": event.summary,
        "body": {"contentType": "text", "content": event.description},
        **_times(event),
        "attendees": [attendee(address) for address in event.attendees],
    }


def attendee(address: str) -> dict[str, Any]:
    """Return a guest as Graph takes one."""
    return {"emailAddress": {"address": address}, "type": "required"}


def _times(event: CalendarEvent) -> dict[str, Any]:
    # An event that somebody made all-day there would keep that, and refuse times of day.
    start, end = wall_time(event.start, event.timezone), wall_time(event.end, event.timezone)
    return {"start": start, "end": end, "isAllDay": False}


def moment(at: int) -> str:
    """Return milliseconds as Graph takes a time with its offset."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(event: Mapping[str, Any]) -> ExternalEvent:
    """Return an event of Graph's as the engine knows it.

    Args:
        event: As replied; an occurrence of a series must have been filled up from its master (``series``).

    Raises:
        KeyError, ValueError, TypeError: It is none.
    """
    all_day, body = bool(event.get("isAllDay")), event.get("body") or {}
    zone, key = str(event.get("originalStartTimeZone") or ""), str(event.get("transactionId") or "")
    return ExternalEvent(
        id=str(event["id"]),
        etag=str(event.get("@odata.etag") or ""),
        updated=read_time(event["lastModifiedDateTime"], "UTC") if event.get("lastModifiedDateTime") else 0,
        status="cancelled" if event.get("isCancelled") else "confirmed",
        start=_at(event.get("start"), zone if all_day else ""),
        end=_at(event.get("end"), zone if all_day else ""),
        timezone=iana_of(zone) if zone else "UTC",
        all_day=all_day,
        recurring=event.get("type", "singleInstance") != "singleInstance" or bool(event.get("recurrence")),
        busy=_blocks(event),
        summary=str(event.get("subject") or "")[:_MAX_TEXT],
        description=_text(body)[:_MAX_TEXT],
        attendees=tuple(_others(event)),
        appointment_key=key,
        # A meeting that booking made takes up time, but is no appointment of its own.
        organizer_self=bool(event.get("isOrganizer", True)) and not key.startswith(MEETING),
    )


def removed(event_id: str) -> ExternalEvent:
    """Return an event that is not there any more."""
    return ExternalEvent(event_id, "", 0, "cancelled")


def _at(part: Any, day_zone: str) -> int | None:
    """Return a start or end in milliseconds; all-day ones are midnights, whatever zone Graph calls them in."""
    if not isinstance(part, Mapping) or not part.get("dateTime"):
        return None
    if not day_zone:
        return read_time(part["dateTime"], str(part.get("timeZone") or "UTC"))
    zone = zone_of(iana_of(day_zone)) or UTC
    day = datetime.fromisoformat(str(part["dateTime"])[:10])
    return round(day.replace(tzinfo=zone).timestamp() * 1000)


def _blocks(event: Mapping[str, Any]) -> bool:
    """Tell whether an event takes its owner's time: shown as busy, tentative or away, and not declined."""
    declined = (event.get("responseStatus") or {}).get("response") == "declined"
    is_rule = event.get("type") == "seriesMaster"  # its occurrences take up time, each by itself
    return not declined and not is_rule and event.get("showAs") not in _FREE


def _text(body: Mapping[str, Any]) -> str:
    content = str(body.get("content") or "")
    return text_of(content) if body.get("contentType") == "html" else content


def _others(event: Mapping[str, Any]) -> Iterable[str]:
    """Return the addresses of the guests, without the organizer, whom Outlook may list among them."""
    organizer = _address(event.get("organizer"))
    found = (_address(one) for one in event.get("attendees") or ())
    return (address for address in found if address and address.lower() != organizer.lower())


def _address(person: Any) -> str:
    mail = person.get("emailAddress") if isinstance(person, Mapping) else None
    return str(mail.get("address") or "") if isinstance(mail, Mapping) else ""
