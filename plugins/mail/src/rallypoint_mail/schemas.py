"""What ``POST /api/create-calendar-event`` takes and answers: booking.md's names, its own limits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from rallypoint.domains.booking.api.times import FIRST_DATE, LAST_DATE, at_local, parse_time, zone_of
from rallypoint.sdk import ValidationFailed

MISSING = "Missing required fields"
REQUIRED = ("userEmail", "title", "date", "time", "duration")
MAX_MINUTES = 24 * 60
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_APPOINTMENT = re.compile(r"(?:appt_|cal-)?([0-9]{1,18})")


def _text(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain the character U+0000")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain unpaired surrogates") from None
    return value


def _whole(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _appointment(value: object) -> object:
    if isinstance(value, str) and (found := _APPOINTMENT.fullmatch(value)):
        return int(found[1])
    return _whole(value)


Text = Annotated[str, AfterValidator(_text)]
Address = Annotated[Text, Field(max_length=254)]
Number = Annotated[int, BeforeValidator(_appointment), Field(ge=0, le=2**63 - 1)]
Minutes = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=MAX_MINUTES)]


class CreateCalendarEvent(BaseModel):
    """The body; what is missing is found together, as the document answers it."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    appointmentId: Number | None = Field(  # noqa: N815 - the wire's name
        None, description="Whose entry it is: later changes of it update the entry"
    )
    userEmail: Address | None = None  # noqa: N815
    practitionerEmail: Address | None = None  # noqa: N815
    title: Annotated[Text | None, Field(max_length=200)] = None
    description: Annotated[Text | None, Field(max_length=10_000)] = None
    date: Annotated[Text | None, Field(max_length=20, examples=["2026-11-10"])] = None
    time: Annotated[Text | None, Field(max_length=20, examples=["9:00 AM", "09:00"])] = None
    duration: Minutes | None = Field(None, description="Minutes")
    timezone: Annotated[
        Text | None, Field(max_length=64, description="IANA name; the appointment's, else UTC")
    ] = None

    def require_all(self) -> None:
        """Refuse a body without a required field; empty ones count as missing, as the document has it.

        Raises:
            ValidationFailed: With the documented message.
        """
        missing = [name for name in REQUIRED if not getattr(self, name)]
        if missing:
            raise ValidationFailed({name: ["is required"] for name in missing}, MISSING)


class CalendarEventCreated(BaseModel):
    """The documented reply."""

    eventId: str  # noqa: N815
    success: bool = True


@dataclass(frozen=True, slots=True)
class Stretch:
    """When it is; milliseconds."""

    start: int
    end: int
    timezone: str


def stretch_of(body: CreateCalendarEvent, timezone: str) -> Stretch:
    """Return when the entry is.

    Args:
        body: Complete.
        timezone: In which its date and time are.

    Raises:
        ValidationFailed: Date, time or zone cannot be read.
    """
    problems: dict[str, list[str]] = {}

    def read(field: str, reader: Any, value: Any) -> Any:
        try:
            return reader(value)
        except ValueError as error:
            problems[field] = [str(error)]
            return None

    zone = read("timezone", zone_of, timezone)
    day, minutes = read("date", _day, body.date), read("time", parse_time, body.time)
    if problems:
        raise ValidationFailed(problems)
    start = at_local(day, minutes, zone)
    return Stretch(start, start + (body.duration or 0) * 60_000, timezone)


def _day(value: str) -> date:
    if not _DATE.fullmatch(value):
        raise ValueError("must be a date such as 2026-11-10")
    day = date.fromisoformat(value)
    if not FIRST_DATE <= day <= LAST_DATE:
        raise ValueError("is out of range")
    return day
