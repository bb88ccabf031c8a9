"""Types of request fields that more than one domain takes: times and text, with their limits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from rallypoint.storage import clock

_LATEST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last time RFC 3339 can write


class Body(BaseModel):
    """Base of request bodies: JSON types are taken as they are, unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def _moment(value: object) -> int:
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("must be a time such as 2025-11-08T08:00:00Z")
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a time such as 2025-11-08T08:00:00Z") from None
    if parsed.tzinfo is None:
        raise ValueError("must say its offset from UTC, such as Z or +01:00")
    try:
        at = clock.from_datetime(parsed)
    except (OverflowError, ValueError):
        raise ValueError("is out of range") from None
    if not 0 <= at <= _LATEST:
        raise ValueError("is out of range")
    return at


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain the character U+0000")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain unpaired surrogates") from None
    return value


Moment = Annotated[int, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""An RFC 3339 time with any offset, as milliseconds; naive times are refused."""

Text = Annotated[str, AfterValidator(_storable)]
"""Text that both databases and every receiver can hold; combine with ``Field(max_length=…)``."""


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_whole)]
"""A whole number; ``10.0`` is one in JSON (https://json-schema.org/draft/2020-12/json-schema-core §4.2.3)."""
