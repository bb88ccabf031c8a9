"""Between times of day in a practitioner's zone and milliseconds, on the days whose clocks change too.

The zones are IANA's, from the machine or else from the ``tzdata`` distribution.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from rallypoint.storage import clock

MINUTES_A_DAY = 24 * 60
FIRST_DATE, LAST_DATE = date(1970, 1, 2), date(9998, 12, 31)
"""Dates whose every moment in every zone is within what RFC 3339 and the tables can hold."""

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?(?: ?([AaPp])[Mm])?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all zones."""
    return frozenset(available_timezones())


def zone_of(name: str) -> ZoneInfo:
    """Return a zone.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in zone_names():
        raise ValueError("must be a time zone such as Europe/London")
    return ZoneInfo(name)


def parse_time(text: str) -> int:
    """Return ``9:00 AM``, ``09:00`` or ``09:00:00`` as minutes since midnight; ``24:00`` is 1440.

    Raises:
        ValueError: It is none of these.
    """
    found = _TIME.fullmatch(text.strip())
    if found is not None:
        hours, minutes, half = int(found[1]), int(found[2]), found[3]
        if half and 1 <= hours <= 12:
            hours = hours % 12 + (12 if half in "Pp" else 0)
            half = None
        total = hours * 60 + minutes
        if half is None and minutes < 60 and total <= MINUTES_A_DAY:
            return total
    raise ValueError("must be a time such as 9:00 AM or 09:00")


def twelve_hours(minutes: int) -> str:
    """Return minutes since midnight as ``9:00 AM``."""
    hours, rest = divmod(minutes, 60)
    return f"{hours % 12 or 12}:{rest:02} {'PM' if hours >= 12 else 'AM'}"


def twenty_four_hours(minutes: int) -> str:
    """Return minutes since midnight as the tables have them: ``09:00:00``."""
    return f"{minutes // 60:02}:{minutes % 60:02}:00"


def sunday_based(day: date) -> int:
    """Return the weekday, 0 for Sunday."""
    return day.isoweekday() % 7


def at_local(day: date, minutes: int, zone: ZoneInfo, *, fold: int = 0) -> int:
    """Return when a zone's clocks show a time (ms).

    Of a time that comes twice ``fold`` chooses. One that is skipped is the moment at which the clocks skip it.

    Args:
        day: The date there.
        minutes: Since its midnight, 1440 at most: the next one.
        zone: The zone.
        fold: 0 for the first, 1 for the second time.
    """
    local = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    moments = [_milliseconds(local.replace(tzinfo=zone, fold=choice)) for choice in (0, 1)]
    if (
        moments[0] > moments[1]
    ):  # within a gap the offset before it (fold 0) lies ahead of the one after (PEP 495)
        return _skipped_at(moments[1], moments[0], zone)
    return moments[fold]


def occurrences(day: date, minutes: int, zone: ZoneInfo) -> list[int]:
    """Return every moment at which a zone's clocks show a time: none in a gap, two in a fold, else one (ms)."""
    local = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    first, second = (_milliseconds(local.replace(tzinfo=zone, fold=choice)) for choice in (0, 1))
    return [] if first > second else sorted({first, second})


def local_of(at: int, zone: ZoneInfo) -> datetime:
    """Return what a zone shows at a moment."""
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone)


def date_and_minutes(at: int, zone: ZoneInfo) -> tuple[date, int]:
    """Return a moment's date and its minutes since midnight in a zone."""
    local = local_of(at, zone)
    return local.date(), local.hour * 60 + local.minute


def within_range(at: int) -> bool:
    """Tell whether a moment has a date in every zone."""
    return clock.DAY <= at < _milliseconds(datetime.combine(LAST_DATE, datetime.min.time(), UTC))


def _milliseconds(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def _skipped_at(early: int, late: int, zone: ZoneInfo) -> int:
    """Return the moment of the jump, which lies between the two readings of a skipped time (ms)."""
    before = local_of(early, zone).utcoffset()
    while late - early > 1:
        middle = (early + late) // 2
        if local_of(middle, zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late
