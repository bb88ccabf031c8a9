"""A day's slots, in every zone, on the days whose clocks change too."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rallypoint.domains.booking import zones
from rallypoint.domains.booking.availability.slots import Hours, Slot, slots_of
from rallypoint.storage.clock import MINUTE

ALL_DAY = Hours(0, 24 * 60, 60)
DAYS = st.dates(date(1973, 1, 1), date(2037, 12, 31))
ZONES = st.one_of(
    st.sampled_from(["Europe/London", "Asia/Kathmandu", "Pacific/Honolulu", "Australia/Lord_Howe"]),
    st.sampled_from(sorted(zones.zone_names())),
)
GRIDS = st.tuples(
    st.integers(0, 23 * 12), st.integers(1, 24 * 12), st.sampled_from([5, 15, 20, 30, 45, 60, 90, 240])
).map(lambda drawn: Hours(drawn[0] * 5, min(drawn[0] * 5 + drawn[1] * 5, 24 * 60), drawn[2]))


def named(slots: list[Slot]) -> list[str]:
    return [zones.twelve_hours(slot.minutes) for slot in slots]


def walked(day: date, schedules: list[Hours], zone: ZoneInfo) -> list[Slot]:
    """Return the slots found by walking through the day minute by minute, asking the clock on the wall."""
    minute = datetime.combine(day, datetime.min.time(), UTC) - timedelta(hours=20)
    midnight = datetime.combine(day, datetime.min.time())
    closings: dict[Hours, int] = {}
    candidates: set[Slot] = set()
    for step in range(70 * 60):
        local = (minute + timedelta(minutes=step)).astimezone(zone).replace(tzinfo=None, fold=0)
        at = round((minute + timedelta(minutes=step)).timestamp() * 1000)
        shown = (local - midnight) // timedelta(minutes=1)
        for hours in schedules:
            if shown >= hours.end:
                closings.setdefault(hours, at)
            if hours.start <= shown < hours.end and (shown - hours.start) % hours.slot == 0:
                candidates.add(Slot(shown, at, at + hours.slot * MINUTE))
    fitting = [
        slot
        for slot in candidates
        for hours in schedules
        if slot.end - slot.start == hours.slot * MINUTE
        and hours.start <= slot.minutes < hours.end
        and (slot.minutes - hours.start) % hours.slot == 0
        and slot.end <= closings[hours]
    ]
    kept: list[Slot] = []
    for slot in sorted(set(fitting), key=lambda slot: (slot.start, slot.end)):
        if not kept or kept[-1].end <= slot.start:
            kept.append(slot)
    return kept


@settings(max_examples=40, deadline=None)
@given(DAYS, ZONES, st.lists(GRIDS, max_size=3))
@example(date(2026, 3, 29), "Europe/London", [Hours(0, 300, 45)])
@example(date(2026, 10, 25), "Europe/London", [Hours(0, 300, 90)])
@example(date(2026, 10, 25), "Europe/London", [Hours(90, 105, 15)])
@example(date(2026, 3, 29), "Europe/London", [Hours(30, 90, 30)])
@example(date(2026, 4, 5), "Australia/Lord_Howe", [ALL_DAY])
@example(date(2011, 12, 30), "Pacific/Apia", [ALL_DAY])
@example(date(2026, 4, 24), "Africa/Cairo", [ALL_DAY])
def test_the_slots_are_those_that_the_clock_on_the_wall_shows(day, name, schedules):
    zone = zones.zone_of(name)
    slots = slots_of(day, schedules, zone)
    assert slots == walked(day, schedules, zone)
    assert all(zones.date_and_minutes(slot.start, zone) == (day, slot.minutes) for slot in slots)
    assert all(one.end <= other.start for one, other in itertools.pairwise(slots))


@pytest.mark.parametrize(
    ("name", "day", "count"),
    [
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("Europe/London", date(2026, 7, 1), 24),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
        ("Pacific/Honolulu", date(2026, 3, 8), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_a_day_has_as_many_hours_as_its_zone_gives_it(name, day, count):
    assert len(slots_of(day, [ALL_DAY], zones.zone_of(name))) == count


def test_the_hour_that_is_skipped_has_no_slot_and_the_one_that_is_repeated_two():
    london = zones.zone_of("Europe/London")
    early = Hours(0, 240, 60)
    assert named(slots_of(date(2026, 3, 29), [early], london)) == ["12:00 AM", "2:00 AM", "3:00 AM"]
    assert named(slots_of(date(2026, 10, 25), [early], london)) == [
        "12:00 AM", "1:00 AM", "1:00 AM", "2:00 AM", "3:00 AM",
    ]  # fmt: skip


def test_no_slot_runs_past_the_end():
    assert named(slots_of(date(2026, 7, 1), [Hours(540, 630, 60)], ZoneInfo("UTC"))) == ["9:00 AM"]
    assert slots_of(date(2026, 7, 1), [Hours(540, 570, 60)], ZoneInfo("UTC")) == []


def test_every_schedule_of_the_day_counts_and_where_two_overlap_the_earlier_slot_stays():
    day, utc = date(2026, 7, 1), ZoneInfo("UTC")
    apart = [Hours(840, 900, 30), Hours(540, 600, 30)]
    assert named(slots_of(day, apart, utc)) == ["9:00 AM", "9:30 AM", "2:00 PM", "2:30 PM"]
    crossing = [Hours(540, 660, 60), Hours(570, 690, 60)]
    assert named(slots_of(day, crossing, utc)) == ["9:00 AM", "10:00 AM"]
