"""Request and reply fields of booking: camelCase and the documents' column names alike in, camelCase out."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from rallypoint.domains.booking import zones
from rallypoint.errors import NotFound
from rallypoint.web.fields import Body, Integer, Moment, Text

MAX_ID = 2**63 - 1
MAX_DURATION = 24 * 60
"""Minutes of the longest appointment, and so how far back one that overlaps may begin."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = r"^([01]?[0-9]|2[0-3]):[0-5][0-9](:00)?$|^(0?[1-9]|1[0-2]):[0-5][0-9] ?[AaPp][Mm]$"


def _either(name: str) -> AliasChoices:
    return AliasChoices(to_camel(name), name)


class Request(Body):
    """Base of request bodies: each field by its camelCase name or its column's."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=_either))


class Query(BaseModel):
    """Base of query strings, with both spellings too."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=_either), frozen=True)


class Shown(BaseModel):
    """Base of what replies show, for the documentation: camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def _date(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):  # fromisoformat takes weeks too
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a date such as 2026-03-29") from None
        if zones.FIRST_DATE <= day <= zones.LAST_DATE:
            return day
        raise ValueError("is out of range")
    raise ValueError("must be a date such as 2026-03-29")


def _time(value: object) -> int:
    if not isinstance(value, str) or len(value) > 20:
        raise ValueError("must be a time such as 9:00 AM or 09:00")
    return zones.parse_time(value)


def _before_midnight(minutes: int) -> int:
    if minutes >= zones.MINUTES_A_DAY:
        raise ValueError("must be before midnight")
    return minutes


def _zone(name: str) -> str:
    zones.zone_of(name)
    return name


def _ranged(at: int) -> int:
    if not zones.within_range(at):
        raise ValueError("is out of range")
    return at


LocalDate = Annotated[date, PlainValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
EndOfDay = Annotated[
    int, BeforeValidator(_time), WithJsonSchema({"type": "string", "pattern": _CLOCK + r"|^24:00(:00)?$"})
]
TimeOfDay = Annotated[
    int,
    BeforeValidator(_time),
    AfterValidator(_before_midnight),
    WithJsonSchema({"type": "string", "pattern": _CLOCK, "examples": ["9:00 AM", "09:00"]}),
]
"""Minutes since midnight, from either of the documented forms."""

Zone = Annotated[
    Text,
    Field(max_length=64),
    AfterValidator(_zone),
    WithJsonSchema({"type": "string", "maxLength": 64, "examples": ["Europe/London"]}),
]
Start = Annotated[Moment, AfterValidator(_ranged)]
Id = Annotated[Integer, Field(ge=1, le=MAX_ID)]
Duration = Annotated[Integer, Field(ge=1, le=MAX_DURATION)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Line = Annotated[Text, Field(max_length=200)]
Prose = Annotated[Text, Field(max_length=5000)]
Email = Annotated[Text, Field(max_length=254, pattern=r"^[^\s@,;<>\"\x00-\x1f]+@[^\s@,;<>\"\x00-\x1f]+$|^$")]
"""An address, or empty for none: what could begin another header or recipient is refused."""
Phone = Annotated[Text, Field(max_length=40)]
PlatformName = Annotated[Text, Field(min_length=1, max_length=40)]
Url = Annotated[Text, Field(max_length=2048, pattern=r"^https?://[!#-;=?-\[\]_a-z~]+$")]


def number_of(text: str, what: str) -> int:
    """Return the integer key in a path.

    Raises:
        NotFound: It is none; a malformed id names nothing.
    """
    if not text.isascii() or not text.isdigit() or text.startswith("0") or not 0 < len(text) <= 19:
        raise NotFound(f"{what} not found")
    number = int(text)
    if number > MAX_ID:
        raise NotFound(f"{what} not found")
    return number
