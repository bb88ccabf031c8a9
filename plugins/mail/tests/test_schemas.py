"""What ``POST /api/create-calendar-event`` takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rallypoint.sdk import ValidationFailed
from rallypoint_mail.schemas import CreateCalendarEvent, stretch_of

BODY = {
    "userEmail": "ben@example.com",
    "title": "Session",
    "date": "2030-01-10",
    "time": "9:00 AM",
    "duration": 60,
}


def body(**fields: Any) -> CreateCalendarEvent:
    return CreateCalendarEvent.model_validate({**BODY, **fields})


@pytest.mark.parametrize("time", ["9:00 AM", "09:00 AM", "9:00 am", "9:00AM", "09:00", "9:00", "09:00:00"])
def test_both_forms_of_a_time(time: str) -> None:
    found = stretch_of(body(time=time), "UTC")
    assert (found.start, found.end) == (1_894_266_000_000, 1_894_269_600_000)


@pytest.mark.parametrize(
    ("time", "zone", "hour"),
    [("12:00 AM", "UTC", 0), ("12:00 PM", "UTC", 12), ("00:00", "Asia/Kathmandu", -5.75)],
)
def test_noon_midnight_and_zones(time: str, zone: str, hour: float) -> None:
    assert stretch_of(body(time=time), zone).start == 1_894_233_600_000 + hour * 3_600_000


def test_a_time_that_the_clocks_skip_is_when_they_skip_it() -> None:
    skipped = stretch_of(body(date="2030-03-31", time="1:30 AM"), "Europe/London")
    assert skipped.start == 1_901_149_200_000  # 01:00 UTC


@pytest.mark.parametrize("field", ["userEmail", "title", "date", "time", "duration"])
@pytest.mark.parametrize("empty", [None, "", 0])
def test_what_is_missing_or_empty_is_named(field: str, empty: Any) -> None:
    if (field == "duration") == (empty == "") and empty is not None:
        return
    with pytest.raises(ValidationFailed, match="Missing required fields") as refused:
        body(**{field: empty}).require_all()
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", "10.1.2030"), ("date", "2030-02-30"), ("date", "2030-W02-4"), ("date", "9999-12-31"),
        ("time", "25:00"), ("time", "13:00 PM"), ("time", "9"), ("time", "noon"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(field: str, value: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        stretch_of(body(**{field: value}), "UTC")
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "utc\x00", "x" * 64])
def test_a_zone_that_is_none(zone: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        stretch_of(body(), zone)
    assert list(refused.value.fields) == ["timezone"]


@pytest.mark.parametrize(
    ("value", "number"), [(7, 7), (7.0, 7), ("7", 7), ("appt_7", 7), ("cal-7", 7), (None, None)]
)
def test_an_appointment_s_id_in_every_spelling(value: Any, number: int | None) -> None:
    assert body(appointmentId=value).appointmentId == number


@pytest.mark.parametrize(
    "fields",
    [
        {"appointmentId": "seven"}, {"appointmentId": -1}, {"appointmentId": 2**63}, {"appointmentId": True},
        {"duration": 1441}, {"duration": 1.5}, {"duration": "an hour"}, {"title": "x" * 201}, {"title": 7},
        {"userEmail": "x" * 255}, {"description": "x" * 10_001}, {"title": "\x00"}, {"time": ["9:00"]},
    ],
)  # fmt: skip
def test_what_is_out_of_its_limits(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        body(**fields)


def test_numbers_as_text_and_unknown_fields_pass() -> None:
    assert body(duration="60", whatever=1).duration == 60


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=70))
def test_nothing_but_a_refusal_comes_of_nonsense(date: str, time: str, zone: str) -> None:
    try:
        found = stretch_of(CreateCalendarEvent.model_construct(date=date, time=time, duration=30), zone)
    except ValidationFailed:
        return
    assert found.end - found.start == 1_800_000
