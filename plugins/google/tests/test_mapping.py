"""What an event means is the same whatever else it says; pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.domains.booking.api import CalendarEvent
from rallypoint.testing.google.discovery import document
from rallypoint.testing.google.rules import check_event
from rallypoint_google.mapping import KEY, MEETING, UNREADABLE, moment, read, written

TIMES = st.integers(1_600_000_000_000, 1_900_000_000_000)
ZONES = st.sampled_from(["UTC", "Asia/Kathmandu", "Pacific/Honolulu", "Europe/London", "Australia/Lord_Howe"])
TEXT = st.text(max_size=200).filter(lambda text: "\x00" not in text)


@given(start=TIMES, length=st.integers(1, 1440), zone=ZONES, summary=TEXT, description=TEXT)
def test_what_we_write_is_valid_and_reads_the_same(
    start: int, length: int, zone: str, summary: str, description: str
) -> None:
    end = start + length * 60_000
    ours = CalendarEvent("abc12", 7, summary, description, start, end, zone, ("a@example.org",))
    body = written(ours)
    described = document("calendar.v3")
    method, _ = described.find("POST", "/calendar/v3/calendars/primary/events")
    described.check_body(method, body)
    whole = {name: value for name, value in body.items() if value is not None}
    check_event(whole)
    back = read({"id": "x", **whole})
    assert (back.start, back.end, back.timezone) == (start, end, zone)
    assert (back.summary, back.description, back.appointment_key) == (summary, description, "abc12")


@given(day=st.dates(min_value=datetime(2020, 1, 1).date(), max_value=datetime(2035, 1, 1).date()), zone=ZONES)
def test_a_day_begins_at_midnight_of_the_calendar(day: Any, zone: str) -> None:
    event = read({"id": "x", "start": {"date": day.isoformat()}, "end": {"date": day.isoformat()}}, zone)
    assert event.all_day
    assert event.start is not None
    local = datetime.fromtimestamp(event.start / 1000, UTC).astimezone(ZoneInfo(zone))
    assert (local.date(), local.hour, local.minute) == (day, 0, 0)


@given(at=TIMES)
def test_moments_lose_nothing(at: int) -> None:
    assert round(datetime.fromisoformat(moment(at)).timestamp() * 1000) == at


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["id", "start", "end", "updated", "attendees", "organizer", "extendedProperties", "status", "summary"]


@given(event=st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_comes_is_read_or_refused(event: dict[str, Any]) -> None:
    try:
        read(event)
    except UNREADABLE:
        return


@pytest.mark.parametrize(
    ("more", "busy"),
    [
        ({}, True),
        ({"transparency": "transparent"}, False),
        ({"eventType": "workingLocation"}, False),
        ({"eventType": "birthday"}, False),
        ({"eventType": "outOfOffice"}, True),
        ({"attendees": [{"self": True, "responseStatus": "declined"}]}, False),
        ({"attendees": [{"self": True, "responseStatus": "tentative"}]}, True),
        ({"attendees": [{"email": "a@example.org", "responseStatus": "declined"}]}, True),
    ],
)
def test_what_blocks_time(more: dict[str, Any], busy: bool) -> None:
    assert read({"id": "x", **more}).busy is busy


def test_whose_an_event_is() -> None:
    mine = {"id": "x", "organizer": {"self": True}}
    assert read(mine).organizer_self
    assert not read({"id": "x", "organizer": {"email": "a@example.org"}}).organizer_self
    assert not read({**mine, "extendedProperties": {"private": {MEETING: "r"}}}).organizer_self
    assert read({**mine, "extendedProperties": {"private": {KEY: "k"}}}).appointment_key == "k"
    deleted = read({"id": "x", "status": "cancelled"})
    assert (deleted.status, deleted.start, deleted.updated) == ("cancelled", None, 0)
