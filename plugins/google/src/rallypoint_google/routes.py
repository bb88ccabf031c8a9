"""``/integrations/google``: connect, callback, disconnect, settings; and booking's alias of the callback."""

from __future__ import annotations

from rallypoint.domains.booking.api import CalendarSync
from rallypoint.domains.integrations.api import return_url
from rallypoint.sdk import (
    Access,
    Call,
    NotFound,
    OAuthFailed,
    Owner,
    PluginContext,
    Reply,
    Route,
    Routes,
)
from rallypoint_google.schemas import (
    Callback,
    Connecting,
    Disconnected,
    SettingsBody,
    SettingsOut,
    sync_mode_of,
)
from rallypoint_google.services import CALENDAR, CALENDAR_CALLBACK

ALIAS = "/api/google-auth-callback"
NOT_CONNECTED = "Google Calendar not connected"


def calendar_routes(ctx: PluginContext) -> list[Route]:
    """Return the routes of integrations.md that are Google's."""
    routes = Routes(tag="google")

    async def callback(_call: Call, query: Callback) -> Reply:
        return Reply(status=303, headers={"Location": await _came_back(ctx, query)})

    @routes.add(
        "POST",
        "/integrations/google/connect",
        summary="Begin to connect Google Calendar",
        replies={200: Connecting},
        errors=(409,),
    )
    async def connect(call: Call) -> Reply:
        url = await ctx.kernel.connections.begin(Owner.of(call.caller), CALENDAR)
        return Reply(Connecting.of(url))

    @routes.add(
        "DELETE",
        "/integrations/google/disconnect",
        summary="Disconnect Google Calendar",
        replies={200: Disconnected},
        errors=(404,),
    )
    async def disconnect(call: Call) -> Reply:
        try:
            await ctx.kernel.connections.disconnect(Owner.of(call.caller), CALENDAR)
        except NotFound:
            raise NotFound(NOT_CONNECTED) from None
        return Reply(Disconnected())

    @routes.add(
        "PUT",
        "/integrations/google/settings",
        summary="Choose how Google Calendar is synced",
        body=SettingsBody,
        replies={200: SettingsOut},
        errors=(404,),
    )
    async def settings(call: Call, *, body: SettingsBody) -> Reply:
        mode, caller = sync_mode_of(body), call.caller
        connection = await ctx.kernel.connections.find(
            caller.account_id, caller.user_id, caller.mode, CALENDAR
        )
        if connection is None:
            raise NotFound(NOT_CONNECTED)
        await ctx.service(CalendarSync).set_mode(connection, mode)
        return Reply(SettingsOut.of(mode))

    for path in (CALENDAR_CALLBACK, ALIAS):
        routes.add(
            "GET",
            path,
            summary="Come back from Google's consent page",
            query=Callback,
            replies={303: None},
            access=Access.PUBLIC,
        )(callback)
    return routes


async def _came_back(ctx: PluginContext, query: Callback) -> str:
    try:
        done = await ctx.kernel.connections.complete(
            query.state, code=query.code, error=query.error, services=(CALENDAR,)
        )
    except OAuthFailed as failed:
        ctx.log.info("Google Calendar was not connected", reason=failed.reason)
        return return_url(ctx, failed.return_to, error="google_auth_failed")
    return return_url(ctx, done.return_to)
