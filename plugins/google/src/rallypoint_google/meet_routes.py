"""``POST /api/create-google-meet``, as booking.md has it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from rallypoint.domains.booking.api import Meeting, MeetingRequest
from rallypoint.domains.booking.api.making import host_of, make_meeting, require
from rallypoint.sdk import Body, Call, Integer, Moment, PluginContext, Reply, Route, Routes, Text
from rallypoint_google.meet import NOT_CONNECTED, PLATFORM
from rallypoint_google.services import CALENDAR

_FAILED = "Failed to create Google Meet"
_REQUIRED = ("hostEmail", "guestEmail", "summary", "startDateTime", "duration")


class MeetBody(Body):
    """A meeting that is wanted."""

    hostEmail: Text | None = Field(None, max_length=320, description="Of a connected Google account")  # noqa: N815
    guestEmail: Text | None = Field(None, max_length=320)  # noqa: N815
    summary: Text | None = Field(None, max_length=500)
    description: Text = Field("", max_length=8000)
    startDateTime: Moment | None = None  # noqa: N815
    duration: Integer | None = Field(None, ge=1, le=1440, description="Minutes")
    appointmentId: Integer | None = Field(  # noqa: N815
        None, ge=1, description="The meeting is kept with this appointment, and moves with it"
    )


class MeetOut(BaseModel):
    """A meeting that was made."""

    meetingUrl: str  # noqa: N815
    meetingId: str  # noqa: N815
    eventId: str  # noqa: N815


def meet_routes(ctx: PluginContext) -> list[Route]:
    """Return the route."""
    routes = Routes(tag="google")

    @routes.add(
        "POST",
        "/api/create-google-meet",
        summary="Make a Google Meet link in the host's calendar",
        body=MeetBody,
        replies={200: MeetOut},
        errors=(400, 403, 404, 409, 503),
        idempotent=True,
        outside=True,
    )
    async def create(call: Call, body: MeetBody) -> Reply:
        meeting = await make_meeting(
            ctx,
            PLATFORM,
            await _request(ctx, call, body),
            appointment_id=body.appointmentId,
            failed=_FAILED,
            refusal=NOT_CONNECTED,
        )
        return Reply(_out(meeting))

    return routes


async def _request(ctx: PluginContext, call: Call, body: MeetBody) -> MeetingRequest:
    require(body, _REQUIRED)
    caller, host = call.caller, str(body.hostEmail).lower()
    connection = await host_of(ctx, call, CALENDAR, host, refusal=NOT_CONNECTED)
    return MeetingRequest(
        account_id=caller.account_id,
        mode=caller.mode,
        user_id=connection.user_id,
        host_email=host,
        guest_email=str(body.guestEmail),
        topic=str(body.summary),
        description=body.description,
        start=body.startDateTime or 0,
        duration=body.duration or 0,
        timezone="UTC",
        request_id=call.repeat_id,
    )


def _out(meeting: Meeting) -> MeetOut:
    event_id = str(meeting.external.get("eventId", ""))
    return MeetOut(meetingUrl=meeting.url, meetingId=meeting.meeting_id, eventId=event_id)
