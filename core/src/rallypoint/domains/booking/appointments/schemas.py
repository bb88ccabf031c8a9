"""Appointments on the wire."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from rallypoint.domains.booking.api import AppointmentStatus
from rallypoint.domains.booking.fields import (
    MAX_ID,
    Duration,
    Email,
    Id,
    Line,
    LocalDate,
    Phone,
    PlatformName,
    Prose,
    Query,
    Request,
    Shown,
    Start,
    TimeOfDay,
    Zone,
)
from rallypoint.storage.ids import is_id
from rallypoint.web.fields import Text

SessionType = Annotated[Text, Field(max_length=100)]


def _customer_id(value: str) -> str:
    bare = value.removeprefix("cust_")
    if not is_id(bare):
        raise ValueError("is no customer's id")
    return bare


CustomerId = Annotated[
    Text,
    Field(max_length=41),
    AfterValidator(_customer_id),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
Wanted = Annotated[
    PlatformName | bool,
    Field(description="A platform such as `zoom`, or true for the practitioner's preferred one"),
]


class _Times(Request):
    date: LocalDate | None = Field(None, description="With `time`, in the practitioner's zone")
    time: TimeOfDay | None = Field(None, description="`9:00 AM` or `09:00`")
    scheduled_at: Start | None = None
    duration: Duration | None = Field(None, description="Minutes; the schedule's slot when left out, else 60")

    @model_validator(mode="after")
    def _one_way_to_say_when(self) -> _Times:
        if (self.date is None) != (self.time is None):
            raise ValueError("date and time go together")
        if self.date is not None and self.scheduled_at is not None:
            raise ValueError("say when by date and time or by scheduledAt, not by both")
        return self

    @property
    def local(self) -> tuple[datetime.date, int] | None:
        """The date and the minutes since its midnight, when it is said so."""
        return None if self.date is None or self.time is None else (self.date, self.time)


class CreateAppointment(_Times):
    """Body of ``POST /api/appointments``. Without a customer it is for the caller."""

    practitioner_id: Id | None = None
    practitioner_name: Line = Field("", description="Of an appointment with no practitioner of the account")
    timezone: Zone | None = Field(None, description="Of `date` and `time` without a practitioner")
    customer_id: CustomerId | None = None
    customer_name: Line = ""
    customer_email: Email = ""
    customer_phone: Phone = ""
    session_type: SessionType = ""
    notes: Prose = ""
    meeting: Wanted = False

    @model_validator(mode="after")
    def _says_when(self) -> CreateAppointment:
        if self.local is None and self.scheduled_at is None:
            raise ValueError("date and time, or scheduledAt, is required")
        return self


class ChangeAppointment(_Times):
    """Body of ``PATCH /api/appointments/{id}``; what is absent stays."""

    practitioner_id: Id | None = Field(None, description="Taken when it is the appointment's own alone")
    session_type: SessionType = ""
    notes: Prose = ""
    customer_name: Line = ""
    customer_email: Email = ""
    customer_phone: Phone = ""
    meeting: Wanted = False
    status: AppointmentStatus = Field("confirmed", description="As the routes of the same meaning")
    reason: Prose = Field("", description="With `status` cancelled")

    def words(self) -> dict[str, Any]:
        """Return the changed columns that say something else than when."""
        named = {"session_type", "notes", "customer_name", "customer_email", "customer_phone"}
        return self.model_dump(include=self.model_fields_set & named)


class CancelAppointment(Request):
    """Body of ``POST /api/appointments/{id}/cancel``; may be empty."""

    reason: Prose = ""


class AppointmentFilter(Query):
    """Query of ``GET /api/appointments``: latest first."""

    status: AppointmentStatus | None = None
    practitioner_id: int | None = Field(None, ge=1, le=MAX_ID)
    from_: Start | None = Field(None, alias="from", description="Those that begin then or later")
    to: Start | None = Field(None, description="Those that begin before")
    limit: int = Field(100, ge=1, le=100, description="A list without it is complete up to 100")
    after: str | None = Field(
        None, max_length=40, pattern=r"^[0-9]{1,15}-[0-9]{1,18}$", description="The `next` of the page before"
    )


class Meeting(Shown):
    """Where an appointment takes place; its URL is empty until the provider made it."""

    platform: str
    status: Literal["pending", "ready", "failed", "cancelled"]
    meeting_url: str
    meeting_id: str
    password: str | None
    host_url: str | None
    dial_in_number: str | None
    reason: str


class Appointment(Shown):
    """An appointment as every reply shows it; ``date`` and ``time`` are in ``timezone``."""

    id: int
    user_id: int | None
    practitioner_id: int | None
    practitioner_name: str
    date: str
    time: str
    timezone: str
    scheduled_at: str
    ends_at: str
    duration: int
    session_type: str
    status: AppointmentStatus
    notes: str
    reason: str
    customer_id: str
    customer_name: str
    customer_email: str
    customer_phone: str
    meeting_url: str
    meetings: list[Meeting]
    cancelled_at: str | None
    completed_at: str | None
    created_at: str
    updated_at: str


class Appointments(Shown):
    """A page of appointments."""

    data: list[Appointment]
    next: str | None = None
