"""Availability on the wire, as booking.md shows it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from rallypoint.domains.booking.fields import Shown


class AvailabilityQuery(BaseModel):
    """Query of the availability; a missing date has a documented answer of its own, so it is checked later."""

    model_config = ConfigDict(json_schema_extra={"required": ["date"]})

    date: str | None = Field(
        None,
        max_length=100,
        description="In the practitioner's zone",
        json_schema_extra={"format": "date"},
    )


class TimeSlot(Shown):
    """A slot; ``startsAt`` tells apart the two that one local time names when the clocks go back."""

    time: str
    available: bool
    starts_at: str


class Availability(Shown):
    """A day's slots; ``complete`` is false when some calendar could not be asked."""

    practitioner_id: int
    date: str
    timezone: str
    complete: bool
    time_slots: list[TimeSlot]
