"""What the routes that make a meeting have in common, whoever's it is: ``POST /api/create-…-meeting``.

booking.md gives each its own names of fields, of replies and of what went wrong; the rest is here.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from rallypoint.domains.booking.api.appointments import Platform
from rallypoint.domains.booking.api.meetings import Meeting, MeetingRequest, Meetings
from rallypoint.sdk import (
    ApiError,
    Call,
    Connection,
    Forbidden,
    NeedsReauth,
    PermanentFailure,
    PluginContext,
    PluginError,
    RetryLater,
    ServiceMissing,
    Unavailable,
    ValidationFailed,
)

_AGAIN_SECONDS = 5.0


def require(body: BaseModel, fields: Sequence[str]) -> None:
    """Refuse a request that leaves one of ``fields`` out, or empty.

    Raises:
        ValidationFailed: With the documented text, and each missing field beside it.
    """
    missing = {name: ["is required"] for name in fields if not getattr(body, name)}
    if missing:
        raise ValidationFailed(missing, "Missing required fields")


async def host_of(ctx: PluginContext, call: Call, service: str, email: str, *, refusal: str) -> Connection:
    """Return the working connection of the caller's account to ``service`` that has this address.

    Raises:
        Forbidden: There is none; with ``refusal``, the documented text.
    """
    caller = call.caller
    connection = await ctx.kernel.connections.by_email(caller.account_id, caller.mode, service, email)
    if connection is None or connection.state != "connected":
        raise Forbidden(refusal)
    return connection


async def make_meeting(
    ctx: PluginContext,
    platform: Platform,
    request: MeetingRequest,
    *,
    appointment_id: int | None,
    failed: str,
    refusal: str = "",
) -> Meeting:
    """Make a meeting now, and keep it with an appointment when there is one.

    Args:
        ctx: Of the plugin whose platform it is.
        platform: As its provider is registered.
        request: With ``call.repeat_id`` as its id.
        appointment_id: Whose meeting it is to be.
        failed: The documented text when it cannot be made.
        refusal: The documented text when the host's access is over.

    Raises:
        ApiError: The provider refuses the request.
        Forbidden: The provider refuses the host's access.
        Unavailable: The provider cannot make it at present.
    """
    try:
        return await ctx.service(Meetings).create(platform, request, appointment_id=appointment_id)
    except RetryLater as error:
        wait = max(1, round(error.after or _AGAIN_SECONDS))
        raise Unavailable(failed, headers={"Retry-After": str(wait)}) from None
    except PermanentFailure as error:
        ctx.log.warning(
            "a meeting was refused", platform=platform, status=error.status, reason=error.reason_code
        )
        raise ApiError(failed) from None
    except NeedsReauth:
        raise (Forbidden(refusal) if refusal else Unavailable(failed)) from None
    except (PluginError, ServiceMissing):
        raise Unavailable(failed) from None
