"""Times on clocks: whatever is written is read back as the same moment, in every zone, on every day of the year."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.testing.microsoft.times import moment_of
from rallypoint_microsoft.zones import iana_of, read_time, wall_time

ZONES = sorted(available_timezones())
MINUTE = 60_000
FIRST, LAST = (round(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 60 for year in (2020, 2037))


@given(minute=st.integers(FIRST, LAST), zone=st.sampled_from(ZONES))
def test_what_is_written_is_read_back(minute: int, zone: str) -> None:
    at = minute * MINUTE
    written = wall_time(at, zone)
    assert read_time(written["dateTime"], written["timeZone"]) == at
    assert round(moment_of(written, "Start").timestamp() * 1000) == at, "the strict stand-in reads it so too"


def ms(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("at", "zone", "shown", "named"),
    [
        (ms(2027, 1, 1, 12), "Europe/London", "2027-01-01T12:00:00.000", "GMT Standard Time"),
        (ms(2027, 7, 1, 12), "Europe/London", "2027-07-01T13:00:00.000", "GMT Standard Time"),
        (ms(2027, 7, 1, 12), "Asia/Kathmandu", "2027-07-01T17:45:00.000", "Nepal Standard Time"),
        (ms(2027, 7, 1, 12), "Pacific/Honolulu", "2027-07-01T02:00:00.000", "Hawaiian Standard Time"),
        # the hour that London's clocks show twice
        (ms(2027, 10, 31, 0, 30), "Europe/London", "2027-10-31T00:30:00.000", "UTC"),
        (ms(2027, 10, 31, 1, 30), "Europe/London", "2027-10-31T01:30:00.000", "UTC"),
        (ms(2027, 10, 31, 2), "Europe/London", "2027-10-31T02:00:00.000", "GMT Standard Time"),
        (ms(2027, 7, 1, 12), "Nowhere/Land", "2027-07-01T12:00:00.000", "UTC"),
        (ms(2027, 7, 1, 12), "", "2027-07-01T12:00:00.000", "UTC"),
    ],
)
def test_clocks(at: int, zone: str, shown: str, named: str) -> None:
    assert wall_time(at, zone) == {"dateTime": shown, "timeZone": named}


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("UTC", "UTC"),
        ("tzone://Microsoft/Custom", "UTC"),
        ("../../etc/passwd", "UTC"),
        ("", "UTC"),
    ],
)
def test_names(name: str, iana: str) -> None:
    assert iana_of(name) == iana
