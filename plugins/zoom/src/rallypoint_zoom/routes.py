"""``POST /api/create-zoom-meeting``, as booking.md has it."""

from __future__ import annotations

from rallypoint.domains.booking.api import Meeting, MeetingRequest, Meetings
from rallypoint.sdk import (
    ApiError,
    Call,
    PermanentFailure,
    PluginContext,
    PluginError,
    Reply,
    RetryLater,
    Route,
    Routes,
    ServiceMissing,
    Unavailable,
    ValidationFailed,
)
from rallypoint_zoom.meetings import PLATFORM
from rallypoint_zoom.once import Once
from rallypoint_zoom.schemas import ZoomBody, ZoomOut

_FAILED = "Failed to create Zoom meeting"
_REQUIRED = ("hostEmail", "topic", "startTime", "durationMinutes")


def zoom_routes(ctx: PluginContext) -> list[Route]:
    """Return the route."""
    routes, once = Routes(tag="booking"), ctx.once(Once)

    @routes.add(
        "POST",
        "/api/create-zoom-meeting",
        summary="Make a Zoom meeting",
        body=ZoomBody,
        replies={200: ZoomOut},
        errors=(400, 404, 409, 503),
    )
    async def create(call: Call, body: ZoomBody) -> Reply:
        _check(body)
        async with once.holding(call) as request_id:
            meeting = await _made(ctx, _request(call, body, request_id), body)
        return Reply(_out(meeting))

    return routes


def _check(body: ZoomBody) -> None:
    missing = {name: ["is required"] for name in _REQUIRED if not getattr(body, name)}
    if missing:
        raise ValidationFailed(missing, "Missing required fields")


def _request(call: Call, body: ZoomBody, request_id: str) -> MeetingRequest:
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
        request_id=request_id,
    )


async def _made(ctx: PluginContext, request: MeetingRequest, body: ZoomBody) -> Meeting:
    try:
        meetings = ctx.service(Meetings)
        return await meetings.create(PLATFORM, request, appointment_id=body.appointmentId)
    except RetryLater as error:
        raise Unavailable(_FAILED, headers={"Retry-After": str(max(1, round(error.after or 5)))}) from None
    except PermanentFailure as error:
        ctx.log.warning("a Zoom meeting was refused", status=error.status, reason=error.reason_code)
        raise ApiError(_FAILED) from None
    except (PluginError, ServiceMissing):
        raise Unavailable(_FAILED) from None


def _out(meeting: Meeting) -> ZoomOut:
    return ZoomOut(
        id=int(meeting.meeting_id),
        join_url=meeting.url,
        start_url=meeting.host_url,
        password=meeting.password,
    )
