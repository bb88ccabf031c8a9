"""Calls on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rallypoint.domains.booking.appointments.schemas import CustomerId
from rallypoint.domains.booking.fields import (
    MAX_ID,
    Email,
    Line,
    Phone,
    Query,
    Request,
    Shown,
    Start,
    Url,
)
from rallypoint.web.fields import Integer, Text

Seconds = Annotated[Integer, Field(ge=0, le=7 * 24 * 3600, description="Seconds")]


class CreateCall(Request):
    """Body of ``POST /api/calls``: a call that was received."""

    customer_id: CustomerId | None = None
    customer_name: Line = ""
    customer_email: Email = ""
    customer_phone: Phone = ""
    duration: Seconds = 0
    recording_url: Url | None = None
    transcript: Annotated[Text, Field(max_length=200_000)] = ""
    sentiment: Annotated[Text, Field(max_length=32)] | None = None
    received_at: Start | None = Field(None, description="Now, when left out")


class CallFilter(Query):
    """Query of ``GET /api/calls``: latest first."""

    limit: int = Field(100, ge=1, le=100, description="A list without it is complete up to 100")
    after: int | None = Field(None, ge=1, le=MAX_ID, description="The `next` of the page before")


class CallRecord(Shown):
    """A call as every reply shows it."""

    id: int
    customer_id: str
    customer_name: str
    customer_phone: str
    duration: int
    recording_url: str | None
    transcript: str
    sentiment: str | None
    received_at: str
    created_at: str


class Calls(Shown):
    """A page of calls."""

    data: list[CallRecord]
    next: int | None = None


class CallData(BaseModel):
    """What the event tells of a call."""

    model_config = ConfigDict(alias_generator=to_camel)

    id: str
    customer_id: str
    customer_name: str
    customer_phone: str
    duration: int
    recording_url: str | None
    transcript: str
    sentiment: str | None
    received_at: str


class CallEvent(BaseModel):
    """Body of the webhook ``call.received``, and payload of the same event on sockets."""

    event: str
    timestamp: str
    data: CallData
