"""``POST /api/create-teams-meeting``, as booking.md has it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from rallypoint.domains.booking.api import Meeting, MeetingRequest
from rallypoint.domains.booking.api.making import host_of, make_meeting, require
from rallypoint.sdk import Body, Call, Integer, Moment, PluginContext, Reply, Route, Routes, Text
from rallypoint_microsoft.services import CALENDAR
from rallypoint_microsoft.teams import NOT_CONNECTED, PLATFORM

_FAILED = "Failed to create Teams meeting"
_REQUIRED = ("hostEmail", "subject", "startDateTime", "durationMinutes")


class TeamsBody(Body):
    """A meeting that is wanted."""

    hostEmail: Text | None = Field(None, max_length=320, description="Of a connected Microsoft account")  # noqa: N815
    guestEmail: Text = Field("", max_length=320)  # noqa: N815
    subject: Text | None = Field(None, max_length=255)
    description: Text = Field("", max_length=8000)
    startDateTime: Moment | None = None  # noqa: N815
    durationMinutes: Integer | None = Field(None, ge=1, le=1440)  # noqa: N815
    appointmentId: Integer | None = Field(  # noqa: N815
        None, ge=1, description="The meeting is kept with this appointment, and moves with it"
    )


class TeamsOut(BaseModel):
    """A meeting that was made."""

    id: str
    joinUrl: str  # noqa: N815
    subject: str


def teams_routes(ctx: PluginContext) -> list[Route]:
    """Return the route."""
    routes = Routes(tag="microsoft")

    @routes.add(
        "POST",
        "/api/create-teams-meeting",
        summary="Make a Teams meeting in the host's calendar",
        body=TeamsBody,
        replies={200: TeamsOut},
        errors=(400, 403, 404, 409, 503),
        idempotent=True,
        outside=True,
    )
    async def create(call: Call, body: TeamsBody) -> Reply:
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


async def _request(ctx: PluginContext, call: Call, body: TeamsBody) -> MeetingRequest:
    require(body, _REQUIRED)
    caller, host = call.caller, str(body.hostEmail).lower()
    connection = await host_of(ctx, call, CALENDAR, host, refusal=NOT_CONNECTED)
    return MeetingRequest(
        account_id=caller.account_id,
        mode=caller.mode,
        user_id=connection.user_id,
        host_email=host,
        guest_email=body.guestEmail,
        topic=str(body.subject),
        description=body.description,
        start=body.startDateTime or 0,
        duration=body.durationMinutes or 0,
        timezone="UTC",
        request_id=call.repeat_id,
    )


def _out(meeting: Meeting) -> TeamsOut:
    kept = meeting.external
    return TeamsOut(id=str(kept["eventId"]), joinUrl=meeting.url, subject=str(kept.get("subject", "")))
