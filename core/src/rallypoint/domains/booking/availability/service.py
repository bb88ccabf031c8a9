"""When a practitioner can be booked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from rallypoint.domains.booking.api import BusyRequest, Interval
from rallypoint.domains.booking.availability.busy import Busy, BusySources
from rallypoint.domains.booking.availability.slots import Hours, Slot, bounds, slots_of
from rallypoint.domains.booking.fields import MAX_DURATION
from rallypoint.domains.booking.zones import parse_time, sunday_based, twelve_hours, zone_of
from rallypoint.errors import NotFound
from rallypoint.identity.api import Mode
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row


class AvailabilityService:
    """Availability of all practitioners.

    Args:
        database: Where schedules and appointments are.
        busy: What else keeps them busy.
    """

    def __init__(self, database: Database, busy: BusySources) -> None:
        self._database, self._busy = database, busy

    async def of_day(self, mode: Mode, practitioner_id: int, day: date) -> dict[str, Any]:
        """Return a day's slots in the practitioner's zone, as the API shows them.

        Raises:
            NotFound: There is no such practitioner in this mode.
        """
        practitioner = await self._practitioner(mode, practitioner_id)
        slots = await self._slots(practitioner, day)
        busy = await self._busy_times(practitioner, slots) if slots else Busy()
        now = clock.now()
        return {
            "practitionerId": practitioner_id,
            "date": day.isoformat(),
            "timezone": practitioner["timezone"],
            "complete": not busy.missing,
            "timeSlots": [
                {
                    "time": twelve_hours(slot.minutes),
                    "available": slot.start >= now and not any(map(slot.overlaps, busy.intervals)),
                    "startsAt": clock.rfc3339(slot.start),
                }
                for slot in slots
            ],
        }

    async def _practitioner(self, mode: Mode, practitioner_id: int) -> Row:
        row = await self._database.fetch_one(
            "SELECT id, account_id, mode, user_id, timezone FROM practitioners WHERE id = ? AND mode = ?",
            practitioner_id,
            mode,
        )
        if row is None:
            raise NotFound("Practitioner not found")
        return row

    async def _slots(self, practitioner: Row, day: date) -> list[Slot]:
        rows = await self._database.fetch(
            "SELECT start_time, end_time, slot_duration_minutes FROM practitioner_schedules"
            " WHERE practitioner_id = ? AND day_of_week = ?",
            practitioner["id"],
            sunday_based(day),
        )
        schedules = [
            Hours(parse_time(row["start_time"]), parse_time(row["end_time"]), row["slot_duration_minutes"])
            for row in rows
        ]
        return slots_of(day, schedules, zone_of(practitioner["timezone"]))

    async def _busy_times(self, practitioner: Row, slots: Sequence[Slot]) -> Busy:
        whole = bounds(slots)
        booked = await self._booked(practitioner["id"], whole)
        if practitioner["user_id"] is None:
            return Busy(booked)
        said = await self._busy.ask(
            BusyRequest(
                account_id=practitioner["account_id"],
                mode=practitioner["mode"],
                user_id=practitioner["user_id"],
                start=whole.start,
                end=whole.end,
            )
        )
        return Busy((*booked, *said.intervals), said.missing)

    async def _booked(self, practitioner_id: int, whole: Interval) -> tuple[Interval, ...]:
        """Return the confirmed appointments that overlap; the bound on lengths keeps the index range a day's."""
        rows = await self._database.fetch(
            "SELECT start_at, end_at FROM appointments WHERE practitioner_id = ? AND status = 'confirmed'"
            " AND start_at < ? AND start_at > ? AND end_at > ?",
            practitioner_id,
            whole.end,
            whole.start - MAX_DURATION * clock.MINUTE,
            whole.start,
        )
        return tuple(Interval(row["start_at"], row["end_at"]) for row in rows)
