"""Times and texts as people read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from rallypoint.domains.booking.api.times import local_of, zone_of

_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
MAX_LINE = 200


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of time in words.

    Args:
        day: ``Tuesday, 10 November 2026``.
        hours: ``9:00 AM – 10:00 AM``.
        zone: ``Asia/Kathmandu (UTC+05:45)``.
        utc: The same in UTC, for readers who are elsewhere; empty where the zone is UTC.
        machine: RFC 3339, for programs that read ``<time>``.
    """

    day: str
    hours: str
    zone: str
    utc: str
    machine: str


def when(start: int, end: int, timezone: str) -> When:
    """Return a stretch of time in words.

    Args:
        start: Milliseconds.
        end: Milliseconds.
        timezone: IANA name; UTC for one that is unknown.
    """
    try:
        zone = zone_of(timezone)
    except ValueError:
        timezone, zone = "UTC", zone_of("UTC")
    first, last = local_of(start, zone), local_of(end, zone)
    return When(
        day=_day(first),
        hours=f"{clock(first)} – {_ending(first, last)}",
        zone=_zone(timezone, first),
        utc="" if timezone == "UTC" else _in_utc(start, end, first),
        machine=first.isoformat(timespec="minutes"),
    )


def clock(moment: datetime) -> str:
    """Return a time of day as ``9:00 AM``."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {'PM' if moment.hour >= 12 else 'AM'}"


def one_line(text: str, most: int = MAX_LINE) -> str:
    """Return a text as a line that may stand in a header."""
    line = _SPACE.sub(" ", text).strip()
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def web_address(text: str) -> str:
    """Return a URL that may be linked to; empty for anything that is not http or https."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return ""
    return text.strip() if parts.scheme in ("http", "https") and parts.hostname else ""


def _day(moment: datetime) -> str:
    return f"{moment:%A}, {moment.day} {moment:%B} {moment.year}"


def _ending(first: datetime, last: datetime) -> str:
    return clock(last) if first.date() == last.date() else f"{clock(last)}, {_day(last)}"


def _zone(name: str, moment: datetime) -> str:
    if name == "UTC":
        return name
    offset = f"{moment:%z}"
    return f"{name} (UTC{offset[:3]}:{offset[3:5]})"


def _in_utc(start: int, end: int, local: datetime) -> str:
    utc = zone_of("UTC")
    first, last = local_of(start, utc), local_of(end, utc)
    other_day = "" if first.date() == local.date() else f" on {_day(first)}"
    return f"{first:%H:%M} – {last:%H:%M} UTC{other_day}"
