"""Occurrences of a recurring event: every so many days or weeks, so many times.

https://learn.microsoft.com/graph/api/resources/patternedrecurrence
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from rallypoint.testing.microsoft.errors import invalid

_DAYS = {"daily": 1, "weekly": 7}
_MOST = 200


def occurrences(master: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the occurrences of a series, each on the clock of its zone.

    Raises:
        Refusal: The pattern is none, or one that the fake does not play.
    """
    pattern = master["recurrence"].get("pattern", {})
    number = master["recurrence"].get("range", {}).get("numberOfOccurrences")
    if pattern.get("type") not in _DAYS or not isinstance(number, int) or not 0 < number <= _MOST:
        raise invalid("The fake plays daily and weekly series of a number of occurrences alone.")
    step = timedelta(days=_DAYS[pattern["type"]] * int(pattern.get("interval", 1)))
    for count in range(number):
        moved = {name: _later(master[name], step * count) for name in ("start", "end")}
        yield {**master, **moved, "recurrence": None, "transactionId": None}


def _later(part: Mapping[str, str], by: timedelta) -> dict[str, str]:
    at = datetime.fromisoformat(part["dateTime"]) + by
    return {"dateTime": at.isoformat(), "timeZone": part["timeZone"]}
