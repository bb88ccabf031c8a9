"""Times as Outlook takes and shows them: a clock time and the name of a zone, each in a field of its own.

https://learn.microsoft.com/graph/api/resources/datetimetimezone
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from rallypoint.testing.microsoft.errors import Refusal, invalid

_UTC_NAMES = {"UTC": "UTC", "tzone://Microsoft/Utc": "UTC"}


def zone_of(name: str) -> ZoneInfo:
    """Return a zone by the name that Windows has for it.

    Graph takes some IANA names as well; the fake does not, as none of them is sure.

    Raises:
        Refusal: It is none.
    """
    iana = _UTC_NAMES.get(name) or win_tz.get(name)
    if iana is None:
        raise Refusal(
            400, "TimeZoneNotSupportedException", f"A valid TimeZone value must be specified: {name}"
        )
    return ZoneInfo(iana)


def moment_of(part: Any, where: str) -> datetime:
    """Return a dateTimeTimeZone that was sent, in UTC.

    Raises:
        Refusal: It is none.
    """
    if not isinstance(part, Mapping) or set(part) != {"dateTime", "timeZone"}:
        raise invalid(f"The property '{where}' needs dateTime and timeZone.", "ErrorInvalidArgument")
    zone = zone_of(str(part["timeZone"]))
    try:
        parsed = datetime.fromisoformat(str(part["dateTime"]))
    except ValueError:
        raise invalid(f"The property '{where}' is no time.", "RequestBodyRead") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)


def is_midnight(part: Mapping[str, Any]) -> bool:
    """Tell whether a dateTimeTimeZone is the beginning of a day on its own clock."""
    shown = datetime.fromisoformat(str(part["dateTime"]))
    return (shown.hour, shown.minute, shown.second, shown.microsecond) == (0, 0, 0, 0)


def shown(at: datetime, zone: str) -> dict[str, str]:
    """Return a time on a zone's clock, with Outlook's seven decimals."""
    local = at.astimezone(zone_of(zone)).replace(tzinfo=None)
    return {"dateTime": f"{local.isoformat(timespec='microseconds')}0", "timeZone": zone}


def stamp(at: datetime) -> str:
    """Return a time as Graph stamps changes."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}0Z"
