"""What Zapier shows while a Zap is being built: recent items in the shape of the hook, or an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.sdk import PluginContext, Principal
from rallypoint_zapier.booking import appointments
from rallypoint_zapier.schemas import EventName, Sample, Samples

MOST = 20
_APPOINTMENT = {
    "id": "appt_123",
    "userId": "user_7",
    "customerId": "cust_019b3f2e-7c00-7000-8000-000000000456",
    "customerName": "John Doe",
    "customerEmail": "john@example.com",
    "customerPhone": "+44 7700 900123",
    "practitionerId": 1,
    "practitionerName": "Dr. Jane Smith",
    "scheduledAt": "2025-12-23T14:00:00.000Z",
    "timezone": "Europe/London",
    "duration": 30,
    "status": "scheduled",
    "sessionType": "consultation",
    "notes": "First consultation",
    "meetingUrl": "https://meet.example.com/123",
    "actorId": "user_7",
}
_CALL = {
    "id": "call_789",
    "customerId": "cust_019b3f2e-7c00-7000-8000-000000000456",
    "customerName": "John Doe",
    "customerPhone": "+44 7700 900123",
    "duration": 180,
    "recordingUrl": "https://recordings.example.com/call_789.mp3",
    "transcript": "Hello, I would like to book an appointment …",
    "sentiment": "positive",
    "receivedAt": "2025-12-22T11:02:00.000Z",
}
_CANCELLED = {
    "status": "cancelled",
    "cancelledAt": "2025-12-22T10:50:00.000Z",
    "reason": "Customer requested it",
}
_COMPLETED = {"status": "completed", "completedAt": "2025-12-22T11:00:00.000Z"}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "appointment.created": _APPOINTMENT,
    "appointment.updated": _APPOINTMENT,
    "appointment.cancelled": {**_APPOINTMENT, **_CANCELLED},
    "appointment.completed": {**_APPOINTMENT, **_COMPLETED},
    "call.received": _CALL,
}
_EXAMPLE_AT = "2025-12-22T11:05:00.000Z"


async def samples(ctx: PluginContext, caller: Principal, event: EventName) -> Samples:
    """Return the latest items of an account as an event would tell of them, newest first; never none."""
    recent = await appointments(ctx).recent(
        account_id=caller.account_id, mode=caller.mode, event=event, limit=MOST
    )
    if not recent:
        return Samples([_sample({"event": event, "timestamp": _EXAMPLE_AT, "data": EXAMPLES[event]})])
    return Samples([_sample(body) for body in recent])


def _sample(body: Mapping[str, Any]) -> Sample:
    """An appointment has one item in a list, so its own id and time tell it from every other."""
    return Sample(**{**body, "id": f"{body['data']['id']}-{body['timestamp']}"})
