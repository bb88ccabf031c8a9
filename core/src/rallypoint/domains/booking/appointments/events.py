"""What is told of appointments: the documented bodies, and the drafts that carry them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from rallypoint.domains.booking.api import APPOINTMENT_EVENTS
from rallypoint.events.types import Draft
from rallypoint.storage import clock
from rallypoint.storage.database import Row

Document = dict[str, Any]
SUMMARIES = dict(
    zip(
        APPOINTMENT_EVENTS,
        (
            "An appointment was created",
            "An appointment was moved or changed",
            "An appointment was cancelled",
            "An appointment was completed",
        ),
        strict=True,
    )
)
_STATUSES = {"confirmed": "scheduled"}


class AppointmentData(BaseModel):
    """What every event tells of its appointment; times have milliseconds."""

    model_config = ConfigDict(alias_generator=to_camel)

    id: str
    user_id: str | None
    customer_id: str
    customer_name: str
    customer_email: str
    customer_phone: str
    practitioner_id: int | None
    practitioner_name: str
    scheduled_at: str
    timezone: str
    duration: int
    status: Literal["scheduled", "cancelled", "completed"]
    session_type: str
    notes: str
    meeting_url: str
    cancelled_at: str | None = None
    completed_at: str | None = None
    reason: str | None = None
    actor_id: str | None


class AppointmentEvent(BaseModel):
    """Body of a webhook, and payload of the same event on sockets."""

    event: str
    timestamp: str
    data: AppointmentData


def body_of(event: str, row: Row, at: int, actor: int | None = None) -> Document:
    """Return an event's body.

    Args:
        event: One of the four.
        row: The appointment after the change, read with ``records.SELECT``.
        at: When it happened (ms).
        actor: The number of the acting user; None when a calendar or time acted.
    """
    return {
        "event": event,
        "timestamp": clock.rfc3339_ms(at),
        "data": {**_common(row), **_EXTRA.get(event, _nothing)(row), "actorId": _user(actor)},
    }


def draft_of(event: str, row: Row, actor_id: str | None, actor: int | None) -> Draft:
    """Return the event of a change; it is also pushed to the host and to who made the appointment."""
    topic = topic_of(row["id"])
    people = dict.fromkeys((row["host_user_id"], row["user_id"]))
    return Draft(
        type=event,
        account_id=row["account_id"],
        mode=row["mode"],
        subject=topic,
        seq=row["seq"],
        topics=(topic, *(f"user:{user_id}" for user_id in people)),
        payload=body_of(event, row, row["updated_at"], actor),
        actor_id=actor_id,
    )


def topic_of(appointment_id: int) -> str:
    """Return an appointment's topic, which is also its events' subject."""
    return f"appointment:{appointment_id}"


def _common(row: Row) -> Document:
    return {
        "id": f"appt_{row['id']}",
        "userId": _user(row["user_number"]),
        "customerId": f"cust_{row['customer_id']}",
        "customerName": row["customer_name"],
        "customerEmail": row["customer_email"],
        "customerPhone": row["customer_phone"],
        "practitionerId": row["practitioner_id"],
        "practitionerName": row["practitioner_name"],
        "scheduledAt": clock.rfc3339_ms(row["start_at"]),
        "timezone": row["timezone"],
        "duration": row["duration"],
        "status": _STATUSES.get(row["status"], row["status"]),
        "sessionType": row["session_type"],
        "notes": row["notes"],
        "meetingUrl": row["meeting_url"] or "",
    }


def _user(number: int | None) -> str | None:
    return None if number is None else f"user_{number}"


def _nothing(_row: Row) -> Document:
    return {}


def _cancelled(row: Row) -> Document:
    at = row["cancelled_at"] or row["updated_at"]
    return {"cancelledAt": clock.rfc3339_ms(at), "reason": row["reason"]}


def _completed(row: Row) -> Document:
    return {"completedAt": clock.rfc3339_ms(row["completed_at"] or row["updated_at"])}


_EXTRA: Mapping[str, Callable[[Row], Document]] = {
    "appointment.cancelled": _cancelled,
    "appointment.completed": _completed,
}
