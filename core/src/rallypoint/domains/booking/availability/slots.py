"""A day's slots from its schedules: pure, and right on the days whose clocks change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from rallypoint.domains.booking.api import Interval
from rallypoint.domains.booking.zones import at_local, occurrences
from rallypoint.storage.clock import MINUTE


@dataclass(frozen=True, slots=True)
class Hours:
    """A schedule: minutes since midnight, and the length of a slot in minutes."""

    start: int
    end: int
    slot: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot.

    Args:
        minutes: Since midnight, as the zone's clocks show its beginning.
        start, end: Milliseconds.
    """

    minutes: int
    start: int
    end: int

    def overlaps(self, other: Interval) -> bool:
        """Tell whether some moment is in both."""
        return self.start < other.end and other.start < self.end


def slots_of(day: date, schedules: Iterable[Hours], zone: ZoneInfo) -> list[Slot]:
    """Return the slots of a day, in order, none overlapping another and none past its schedule's end.

    They lie on the schedule's grid of local times. A time that the clocks skip has no slot, one that they show
    twice has two, and where schedules overlap the slot that begins first stays.

    Args:
        day: The date in the zone.
        schedules: Of its weekday.
        zone: The practitioner's.
    """
    candidates = {slot for hours in schedules for slot in _candidates(day, hours, zone)}
    slots: list[Slot] = []
    for slot in sorted(candidates, key=lambda slot: (slot.start, slot.end)):
        if not slots or slots[-1].end <= slot.start:
            slots.append(slot)
    return slots


def bounds(slots: Sequence[Slot]) -> Interval:
    """Return the time from the first slot's beginning to the last one's end."""
    return Interval(slots[0].start, slots[-1].end)


def _candidates(day: date, hours: Hours, zone: ZoneInfo) -> Iterable[Slot]:
    closing = at_local(day, hours.end, zone)
    for minutes in range(hours.start, hours.end, hours.slot):
        for start in occurrences(day, minutes, zone):
            end = start + hours.slot * MINUTE
            if end <= closing:
                yield Slot(minutes, start, end)
