"""Practitioners and their schedules on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from rallypoint.domains.booking.fields import (
    Email,
    EndOfDay,
    Id,
    Line,
    Name,
    PlatformName,
    Prose,
    Query,
    Request,
    Shown,
    TimeOfDay,
    Url,
    Zone,
)
from rallypoint.web.fields import Integer, Text

Words = Annotated[list[Annotated[Text, Field(min_length=1, max_length=200)]], Field(max_length=50)]
Count = Annotated[Integer, Field(ge=0, le=2**31 - 1)]
Weekday = Annotated[Integer, Field(ge=0, le=6, description="0 is Sunday")]
SlotLength = Annotated[Integer, Field(ge=5, le=24 * 60, description="Minutes")]


class ChangePractitioner(Request):
    """Body of ``PATCH /api/practitioners/{id}``; what is absent stays."""

    name: Name = ""
    specialty: Line | None = None
    reviews: Count = 0
    rating: Annotated[float, Field(ge=0, le=5)] = 5.0
    price: Count | None = None
    image_url: Url | None = None
    badge: Line | None = None
    education: Prose | None = None
    degree: Line | None = None
    location_type: Annotated[Text, Field(min_length=1, max_length=32)] = "online"
    conditions: Words = Field(default_factory=list)
    bio: Prose | None = None
    years_experience: Count = 0
    approach: Prose | None = None
    languages: Words = Field(default_factory=lambda: ["English"])
    certifications: Words = Field(default_factory=list)
    availability: Line = "Weekdays 9am - 5pm"
    insurance_accepted: Words = Field(default_factory=list)
    session_format: Words = Field(default_factory=list)
    email: Email | None = None
    preferred_video_platform: PlatformName = "zoom"
    timezone: Zone = "UTC"
    user_id: Id | None = Field(None, description="Who they are among the account's users")

    def given(self) -> dict[str, Any]:
        """Return the fields that the request named."""
        return self.model_dump(include=self.model_fields_set)


class CreatePractitioner(ChangePractitioner):
    """Body of ``POST /api/practitioners``; only ``name`` is required."""

    name: Name


class CreateSchedule(Request):
    """Body of ``POST /api/practitioners/{id}/schedules``: hours of a weekday, in the practitioner's zone."""

    day_of_week: Weekday
    start_time: TimeOfDay
    end_time: EndOfDay
    slot_duration_minutes: SlotLength = 60

    @model_validator(mode="after")
    def _ordered(self) -> CreateSchedule:
        if self.end_time <= self.start_time:
            raise ValueError("endTime must be after startTime")
        return self


class PractitionerFilter(Query):
    """Query of ``GET /api/practitioners``."""

    limit: int = Field(100, ge=1, le=100, description="A list without it is complete up to 100")
    after: int | None = Field(None, ge=1, le=2**63 - 1, description="The `next` of the page before")


class Practitioner(Shown):
    """A practitioner as every reply shows them."""

    id: int
    name: str
    specialty: str | None
    reviews: int
    rating: float
    price: int | None
    image_url: str | None
    badge: str | None
    education: str | None
    degree: str | None
    location_type: str
    conditions: list[str]
    bio: str | None
    years_experience: int
    approach: str | None
    languages: list[str]
    certifications: list[str]
    availability: str
    insurance_accepted: list[str]
    session_format: list[str]
    email: str
    preferred_video_platform: str
    timezone: str
    user_id: int | None
    created_at: str
    updated_at: str


class Practitioners(Shown):
    """A page of practitioners."""

    data: list[Practitioner]
    next: int | None = None


class Schedule(Shown):
    """Hours of a weekday in which a practitioner can be booked."""

    id: int
    practitioner_id: int
    day_of_week: int
    start_time: str
    end_time: str
    slot_duration_minutes: int
    created_at: str
    updated_at: str


class Schedules(Shown):
    """All of a practitioner's schedules."""

    data: list[Schedule]
