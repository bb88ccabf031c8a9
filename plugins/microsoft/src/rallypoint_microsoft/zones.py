"""Time zones by the names that Microsoft gives them.

Outlook knows zones by the names that Windows has for them, and takes a part of the IANA names besides; which one
stands for which is Unicode's table, kept by tzlocal.
https://learn.microsoft.com/graph/api/resources/datetimetimezone
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import tz_win, win_tz


def iana_of(name: str) -> str:
    """Return the IANA name of a zone that Microsoft names; ``UTC`` for one that cannot be known."""
    return next((one for one in (name, win_tz.get(name, "")) if zone_of(one) is not None), "UTC")


def zone_of(name: str) -> ZoneInfo | None:
    """Return a zone by its IANA name, if there is one of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def wall_time(at: int, zone_name: str) -> dict[str, str]:
    """Return milliseconds as Graph takes a time: on the clock of a zone, where that leaves no doubt, else UTC.

    An hour that a clock shows twice, and a zone that Windows has no name for, are written in UTC.
    """
    moment = datetime.fromtimestamp(at / 1000, UTC)
    windows = tz_win.get(zone_name, "") if zone_name else ""
    zone = zone_of(win_tz.get(windows, ""))
    if zone is not None:
        shown = moment.astimezone(zone).replace(tzinfo=None)
        if all(shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) == moment for fold in (0, 1)):
            return _written(shown, windows)
    return _written(moment.replace(tzinfo=None), "UTC")


def _written(shown: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": shown.isoformat(timespec="milliseconds"), "timeZone": zone}


def read_time(text: str, zone_name: str) -> int:
    """Return a time of Graph's in milliseconds.

    Args:
        text: With or without an offset; seconds may have seven decimals.
        zone_name: Whose clock it is on, where it has no offset.

    Raises:
        ValueError: It is none.
    """
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone_of(iana_of(zone_name)) or UTC)
    return round(parsed.timestamp() * 1000)
