"""What the routes take and answer; Zapier sends numbers as text and leaves fields empty, so both are taken."""

from __future__ import annotations

import re
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator
from pydantic.alias_generators import to_camel

from rallypoint.sdk import Body, Integer, Moment, Text

T = TypeVar("T")
EventName = Literal[
    "appointment.created",
    "appointment.updated",
    "appointment.cancelled",
    "appointment.completed",
    "call.received",
]
_APPOINTMENT = re.compile(r"(?:appt_)?([0-9]{1,18})")
_MAX_ID = 2**63 - 1


class Succeeded(BaseModel, Generic[T]):
    """``{"success": true, "data": …}``."""

    success: bool = True
    data: T


class KeyOut(BaseModel):
    """A user's key."""

    apiKey: str = Field(description="czp_ and 40 letters and digits")  # noqa: N815 - as integrations.md spells it
    webhookUrl: str = Field(description="Where Zapier subscribes with it")  # noqa: N815
    createdAt: str  # noqa: N815


class MeOut(BaseModel):
    """Whose key it is."""

    id: str = Field(description="user_7")
    email: str
    name: str
    account: str
    mode: Literal["live", "sandbox"]


class Subscribe(Body):
    """Body of a subscription, as Zapier's REST hooks send it."""

    hookUrl: Text = Field(min_length=1, max_length=2048, description="https; where events are posted to")  # noqa: N815
    event: EventName


class SubscriptionOut(BaseModel):
    """A subscription; its id unsubscribes."""

    success: bool = True
    id: str
    event: str
    hookUrl: str  # noqa: N815


class Sample(BaseModel):
    """What a hook of this event carries, and an id by which Zapier tells items apart."""

    model_config = ConfigDict(extra="allow")

    id: str
    event: str
    timestamp: str
    data: dict[str, Any]


class Samples(RootModel[list[Sample]]):
    """Recent items, newest first; an example when there are none."""


def _absent(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _number(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,18}\s*", value):
        return int(value)
    return _absent(value)


def _appointment(value: object) -> object:
    if isinstance(value, str) and (match := _APPOINTMENT.fullmatch(value.strip())):
        return int(match[1])
    return value


def _customer(value: object) -> object:
    return value.removeprefix("cust_") if isinstance(value, str) else value


Id = Annotated[Integer, Field(ge=1, le=_MAX_ID)]
AppointmentId = Annotated[Id, BeforeValidator(_appointment)]
OptionalId = Annotated[Id | None, BeforeValidator(_number)]
Minutes = Annotated[Annotated[Integer, Field(ge=1, le=1440)] | None, BeforeValidator(_number)]
OptionalMoment = Annotated[Moment | None, BeforeValidator(_absent)]
Line = Annotated[Text, Field(max_length=200)]
Prose = Annotated[Text, Field(max_length=5000)]


class _Action(Body):
    model_config = ConfigDict(alias_generator=to_camel)


class CreateAppointment(_Action):
    """Body of the action that books."""

    scheduled_at: Moment
    duration: Minutes = Field(None, description="Minutes; the practitioner's slot when left out")
    practitioner_id: OptionalId = None
    customer_id: Annotated[Text, Field(max_length=41), BeforeValidator(_customer)] = ""
    customer_name: Line = ""
    customer_email: Annotated[Text, Field(max_length=254)] = ""
    customer_phone: Annotated[Text, Field(max_length=40)] = ""
    session_type: Annotated[Text, Field(max_length=100)] = ""
    notes: Prose = ""
    meeting: Annotated[Text, Field(max_length=40)] = Field("", description="A platform, such as zoom")

    @model_validator(mode="after")
    def _names_somebody(self) -> CreateAppointment:
        if not (self.customer_id or self.customer_name or self.customer_email):
            raise ValueError("customerName, customerEmail or customerId is required")
        return self


class RescheduleAppointment(_Action):
    """Body of the action that moves an appointment."""

    appointment_id: AppointmentId = Field(description="As in events: appt_7")
    scheduled_at: OptionalMoment = None
    duration: Minutes = Field(None, description="Minutes; stays when left out")

    @model_validator(mode="after")
    def _says_what(self) -> RescheduleAppointment:
        if self.scheduled_at is None and self.duration is None:
            raise ValueError("scheduledAt or duration is required")
        return self


class CancelAppointment(_Action):
    """Body of the action that cancels."""

    appointment_id: AppointmentId = Field(description="As in events: appt_7")
    reason: Prose = ""


class AppointmentOut(BaseModel):
    """An appointment as its events show it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: str
    customer_id: str
    customer_name: str
    customer_email: str
    customer_phone: str
    practitioner_id: int | None
    practitioner_name: str
    scheduled_at: str
    timezone: str
    duration: int
    status: str
    session_type: str
    notes: str
    reason: str
    meeting_url: str
