"""What every calendar that users connect by consent has, whoever's it is: routes, task, status, section.

The routes are those that integrations.md shows for Google's, under the calendar's own prefix and with its own title.
"""

from __future__ import annotations

from dataclasses import dataclass

from rallypoint.domains.booking.api.calendars import CalendarSync
from rallypoint.domains.booking.api.connecting_schemas import (
    Callback,
    Connecting,
    Disconnected,
    SettingsBody,
    SettingsOut,
    sync_mode_of,
)
from rallypoint.domains.integrations.api import return_url
from rallypoint.sdk import (
    Access,
    Call,
    Connection,
    NotFound,
    OAuthFailed,
    Owner,
    PluginContext,
    Reply,
    Route,
    Routes,
    Task,
)

_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class CalendarService:
    """A calendar as its users connect it.

    Args:
        service: Of its connections, such as ``google_calendar``.
        title: For people, such as ``Google Calendar``.
        key: In the status, such as ``googleCalendar``.
        prefix: Of its routes, such as ``/integrations/google``.
        failed: What a failed sign-in comes back with, such as ``google_auth_failed``.
        there: Where its events are, for people: ``Google``.
        aliases: Further paths of the callback.
    """

    service: str
    title: str
    key: str
    prefix: str
    failed: str
    there: str
    aliases: tuple[str, ...] = ()

    @property
    def callback(self) -> str:
        """The path at which the provider hands users back."""
        return f"{self.prefix}/callback"

    @property
    def not_connected(self) -> str:
        """What is said to who has not connected it."""
        return f"{self.title} not connected"


def calendar_routes(ctx: PluginContext, calendar: CalendarService, *, tag: str) -> list[Route]:
    """Return connect, callback, disconnect and settings.

    Args:
        ctx: Of the plugin.
        calendar: Whose routes they are.
        tag: Under which the API's documentation shows them.
    """
    routes, title, connections = Routes(tag=tag), calendar.title, ctx.kernel.connections

    async def callback(_call: Call, query: Callback) -> Reply:
        return Reply(status=303, headers={"Location": await _came_back(ctx, calendar, query)})

    @routes.add(
        "POST",
        f"{calendar.prefix}/connect",
        summary=f"Begin to connect {title}",
        replies={200: Connecting},
        errors=(409,),
    )
    async def connect(call: Call) -> Reply:
        return Reply(Connecting.of(await connections.begin(Owner.of(call.caller), calendar.service)))

    @routes.add(
        "DELETE",
        f"{calendar.prefix}/disconnect",
        summary=f"Disconnect {title}",
        replies={200: Disconnected},
        errors=(404,),
    )
    async def disconnect(call: Call) -> Reply:
        try:
            await connections.disconnect(Owner.of(call.caller), calendar.service)
        except NotFound:
            raise NotFound(calendar.not_connected) from None
        return Reply(Disconnected(message=f"{title} disconnected successfully"))

    @routes.add(
        "PUT",
        f"{calendar.prefix}/settings",
        summary=f"Choose how {title} is synced",
        body=SettingsBody,
        replies={200: SettingsOut},
        errors=(404,),
    )
    async def settings(call: Call, *, body: SettingsBody) -> Reply:
        mode, caller = sync_mode_of(body), call.caller
        found = await connections.find(caller.account_id, caller.user_id, caller.mode, calendar.service)
        if found is None:
            raise NotFound(calendar.not_connected)
        await ctx.service(CalendarSync).set_mode(found, mode)
        return Reply(SettingsOut.of(mode))

    for path in (calendar.callback, *calendar.aliases):
        routes.add(
            "GET",
            path,
            summary=f"Come back from the consent page of {title}",
            query=Callback,
            replies={303: None},
            access=Access.PUBLIC,
        )(callback)
    return routes


def calendar_task(ctx: PluginContext, calendar: CalendarService, *, every: float) -> Task:
    """Return the look at each calendar at intervals, which makes up for announcements that are lost.

    Args:
        ctx: Of the plugin.
        calendar: Which ones.
        every: Seconds.
    """

    async def poll(connection: Connection | None) -> None:
        if connection is not None:
            await ctx.service(CalendarSync).poll(connection)

    return Task("calendar", every=every, run=poll, service=calendar.service, timeout=_LONGEST)


async def _came_back(ctx: PluginContext, calendar: CalendarService, query: Callback) -> str:
    try:
        done = await ctx.kernel.connections.complete(
            query.state, code=query.code, error=query.error, services=(calendar.service,)
        )
    except OAuthFailed as failed:
        ctx.log.info("a calendar was not connected", service=calendar.service, reason=failed.reason)
        return return_url(ctx, failed.return_to, error=calendar.failed)
    return return_url(ctx, done.return_to)
