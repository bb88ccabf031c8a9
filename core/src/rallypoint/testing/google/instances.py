"""The instances of a recurring event, as ``singleEvents`` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from dateutil.rrule import rruleset, rrulestr

from rallypoint.testing.google.errors import invalid
from rallypoint.testing.google.times import moment, moved, zone

_MOST = 730
_OWN = frozenset({"recurrence", "id", "etag", "start", "end"})


def expand(master: Mapping[str, Any], calendar_zone: str) -> Iterator[dict[str, Any]]:
    """Yield the instances of ``master``, oldest first, at most two years of daily ones.

    Raises:
        Refusal: Its rule cannot be read.
    """
    all_day = "date" in master["start"]
    tz = zone("UTC" if all_day else master["start"].get("timeZone") or calendar_zone)
    first = moment(master["start"], "UTC").astimezone(tz)
    shared = {name: value for name, value in master.items() if name not in _OWN}
    for at in islice(_rule(master, first), _MOST):
        local = at.replace(tzinfo=tz)
        by = local.replace(tzinfo=None) - first.replace(tzinfo=None)
        begins = moved(master["start"], by, calendar_zone)
        yield {
            **shared,
            "id": f"{master['id']}_{_suffix(local, all_day=all_day)}",
            "recurringEventId": master["id"],
            "originalStartTime": begins,
            "start": begins,
            "end": moved(master["end"], by, calendar_zone),
        }


def _rule(master: Mapping[str, Any], first: datetime) -> rruleset:
    lines = "\n".join(line if line.startswith("RDATE") else _plain(line) for line in master["recurrence"])
    begins = first.replace(tzinfo=None)
    try:
        return rrulestr(lines, dtstart=begins, forceset=True, ignoretz=True)
    except (ValueError, TypeError):
        raise invalid("Invalid recurrence rule.") from None


def _plain(line: str) -> str:
    """Leave the parameters of EXDATE out, which name the zone that the times are in anyway."""
    head, _, value = line.partition(":")
    return f"{head.partition(';')[0]}:{value}"


def _suffix(at: datetime, *, all_day: bool) -> str:
    if all_day:
        return at.strftime("%Y%m%d")
    return (at + timedelta()).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
