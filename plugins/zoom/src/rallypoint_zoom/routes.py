"""``POST /api/create-zoom-meeting``, as booking.md has it."""

from __future__ import annotations

from rallypoint.domains.booking.api import Meeting, MeetingRequest
from rallypoint.domains.booking.api.making import make_meeting, require
from rallypoint.sdk import Call, PluginContext, Reply, Route, Routes
from rallypoint_zoom.meetings import PLATFORM
from rallypoint_zoom.schemas import ZoomBody, ZoomOut

_FAILED = "Failed to create Zoom meeting"
_REQUIRED = ("hostEmail", "topic", "startTime", "durationMinutes")


def zoom_routes(ctx: PluginContext) -> list[Route]:
    """Return the route."""
    routes = Routes(tag="zoom")

    @routes.add(
        "POST",
        "/api/create-zoom-meeting",
        summary="Make a Zoom meeting",
        body=ZoomBody,
        replies={200: ZoomOut},
        errors=(400, 404, 409, 503),
        idempotent=True,
        outside=True,
    )
    async def create(call: Call, body: ZoomBody) -> Reply:
        require(body, _REQUIRED)
        request = _request(call, body)
        meeting = await make_meeting(
            ctx, PLATFORM, request, appointment_id=body.appointmentId, failed=_FAILED
        )
        return Reply(_out(meeting))

    return routes


def _request(call: Call, body: ZoomBody) -> MeetingRequest:
    caller = call.caller
    return MeetingRequest(
        account_id=caller.account_id,
        mode=caller.mode,
        user_id=caller.user_id,
        host_email=str(body.hostEmail),
        guest_email=body.guestEmail,
        topic=str(body.topic),
        description=body.agenda,
        start=body.startTime or 0,
        duration=body.durationMinutes or 0,
        timezone="UTC",
        request_id=call.repeat_id,
    )


def _out(meeting: Meeting) -> ZoomOut:
    return ZoomOut(
        id=int(meeting.meeting_id),
        join_url=meeting.url,
        start_url=meeting.host_url,
        password=meeting.password,
    )
