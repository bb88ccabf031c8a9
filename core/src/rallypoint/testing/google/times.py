"""Times of events as Google takes and shows them: a day, or a moment with an offset or a zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rallypoint.testing.google.errors import Refusal, invalid

Span = tuple[datetime, datetime]


@cache
def zone(name: str, which: str = "start") -> tzinfo:
    """Return an IANA zone.

    Raises:
        Refusal: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"Invalid time zone definition for {which} time.") from None


def check_span(body: Mapping[str, Any]) -> None:
    """Refuse a start and end that Google refuses.

    Raises:
        Refusal: One is missing or malformed, they differ in kind, or the end is before the start.
    """
    start, end = _part(body, "start"), _part(body, "end")
    if ("date" in start) != ("date" in end):
        raise invalid("Start and end times must either both be date or both be dateTime.")
    begins, ends = moment(start, "UTC"), moment(end, "UTC")
    if ends < begins or ("date" in start and ends == begins):
        raise Refusal(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")


def moment(part: Mapping[str, Any], default_zone: str) -> datetime:
    """Return when an ``EventDateTime`` is; a day begins at midnight of the calendar's zone."""
    if part.get("date"):
        day = date.fromisoformat(part["date"])
        return datetime(day.year, day.month, day.day, tzinfo=zone(default_zone))
    parsed = datetime.fromisoformat(part["dateTime"])
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone(part["timeZone"]))


def shown(part: Mapping[str, Any], calendar_zone: str) -> dict[str, str]:
    """Return an ``EventDateTime`` as Google replies with it: whole seconds and an offset."""
    if part.get("date"):
        return {"date": part["date"]}
    name = part.get("timeZone") or calendar_zone
    local = moment(part, calendar_zone).astimezone(zone(name)).replace(microsecond=0)
    return {"dateTime": local.isoformat().replace("+00:00", "Z"), "timeZone": name}


def span(event: Mapping[str, Any], calendar_zone: str) -> Span:
    """Return from when to when an event is."""
    return moment(event["start"], calendar_zone), moment(event["end"], calendar_zone)


def stamp(at: datetime) -> str:
    """Return a time as in ``updated``: UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moved(part: Mapping[str, Any], by: timedelta, calendar_zone: str) -> dict[str, str]:
    """Return an ``EventDateTime`` shifted in its own zone."""
    if part.get("date"):
        return {"date": (date.fromisoformat(part["date"]) + by).isoformat()}
    name = part.get("timeZone") or calendar_zone
    local = moment(part, calendar_zone).astimezone(zone(name)) + by
    return shown({"dateTime": local.isoformat(), "timeZone": name}, calendar_zone)


def _part(body: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    part: Mapping[str, Any] = {
        name: value for name, value in (body.get(which) or {}).items() if value is not None
    }
    if ("date" in part) == ("dateTime" in part):
        raise Refusal(400, "required", f"Missing {which} time.")
    if "timeZone" in part:
        zone(part["timeZone"], which)
    if "dateTime" in part and "timeZone" not in part and not datetime.fromisoformat(part["dateTime"]).tzinfo:
        raise invalid(f"Missing time zone definition for {which} time.")
    return part
