"""Times of day in both documented forms, and clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rallypoint.domains.booking import zones
from rallypoint.storage.clock import MINUTE

LONDON = zones.zone_of("Europe/London")
GAP, FOLD = date(2026, 3, 29), date(2026, 10, 25)


@given(st.integers(0, zones.MINUTES_A_DAY - 1))
def test_every_time_reads_back_in_both_forms(minutes):
    assert zones.parse_time(zones.twelve_hours(minutes)) == minutes
    assert zones.parse_time(zones.twenty_four_hours(minutes)) == minutes


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("9:00 AM", 540), ("12:00 AM", 0), ("12:30 pm", 750), ("09:30PM", 1290), ("0:05", 5), ("24:00", 1440)],
)
def test_the_documented_forms_are_read(text, minutes):
    assert zones.parse_time(text) == minutes


@pytest.mark.parametrize(
    "text",
    ["", "9", "9:5", "9:60", "25:00", "24:01", "13:00 PM", "0:30 AM", "9:00:30", "٩:٠٠", "9:00 XM", "-1:00"],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="must be a time"):
        zones.parse_time(text)


def test_times_render_as_documented():
    shown = [zones.twelve_hours(minutes) for minutes in (0, 540, 720, 750, 1439)]
    assert shown == ["12:00 AM", "9:00 AM", "12:00 PM", "12:30 PM", "11:59 PM"]


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "europe/london"])
def test_a_zone_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="time zone"):
        zones.zone_of(name)


def test_sunday_is_nought():
    assert [zones.sunday_based(date(2026, 11, day)) for day in (22, 23, 28)] == [0, 1, 6]


def test_a_skipped_time_never_comes_and_a_repeated_one_comes_twice():
    assert zones.occurrences(GAP, 90, LONDON) == []
    first, second = zones.occurrences(FOLD, 90, LONDON)
    assert second - first == 60 * MINUTE
    assert len(zones.occurrences(FOLD, 150, LONDON)) == 1


def test_a_skipped_time_counts_as_the_moment_of_the_jump():
    jump = round(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp() * 1000)
    assert [zones.at_local(GAP, minutes, LONDON) for minutes in (60, 75, 119, 120)] == [jump] * 4


@given(
    st.sampled_from(sorted(zones.zone_names())),
    st.dates(date(1973, 1, 1), date(2037, 12, 31)),
    st.integers(0, zones.MINUTES_A_DAY - 1),
)
def test_every_occurrence_reads_as_it_was_asked_for(name, day, minutes):
    zone = zones.zone_of(name)
    found = zones.occurrences(day, minutes, zone)
    assert len(found) <= 2
    assert all(zones.date_and_minutes(at, zone) == (day, minutes) for at in found)
    assert found == [] or zones.at_local(day, minutes, zone) == found[0]


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["Europe/London", "Asia/Kathmandu", "Pacific/Honolulu"]),
    st.one_of(st.sampled_from([GAP, FOLD]), st.dates(date(1973, 1, 1), date(2037, 12, 31))),
    st.integers(0, zones.MINUTES_A_DAY - 1),
)
def test_the_occurrences_are_those_that_a_look_at_every_minute_finds(name, day, minutes):
    zone = zones.zone_of(name)
    begin = datetime.combine(day, datetime.min.time(), UTC) - timedelta(hours=20)
    looked = [round((begin + timedelta(minutes=step)).timestamp() * 1000) for step in range(64 * 60)]
    shown = [at for at in looked if zones.date_and_minutes(at, zone) == (day, minutes)]
    assert zones.occurrences(day, minutes, zone) == shown
