"""Google for Rallypoint: hook implementations only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.booking.api import CalendarProvider, MeetingProvider
from rallypoint.domains.booking.api.connecting import calendar_routes, calendar_task
from rallypoint.domains.booking.api.connecting_status import calendar_source
from rallypoint.domains.integrations.api import IntegrationSource
from rallypoint.sdk import (
    Connection,
    EventType,
    OAuth2Connection,
    PluginContext,
    PluginSettings,
    Route,
    Task,
    WebhookSource,
    hookimpl,
)
from rallypoint_google import services, tasks, webhooks
from rallypoint_google.calendar import GoogleCalendar
from rallypoint_google.gmail.routes import gmail_routes
from rallypoint_google.gmail.schemas import EmailReceived
from rallypoint_google.gmail.sync import RECEIVED, MailSync
from rallypoint_google.meet import GoogleMeet
from rallypoint_google.meet_routes import meet_routes
from rallypoint_google.settings import GoogleSettings, settings_of


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return GoogleSettings


@hookimpl
def register_models() -> str:
    """Name the tables of the mailboxes."""
    return "rallypoint_google.models"


@hookimpl
def register_events() -> Sequence[EventType]:
    """Declare what a mailbox tells."""
    return [EventType(RECEIVED, "A message arrived in a connected mailbox", EmailReceived)]


@hookimpl
def register_connections(ctx: PluginContext) -> Sequence[OAuth2Connection]:
    """Let users connect their calendar and their mail."""
    return services.connections(ctx)


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve what integrations.md, booking.md and inbox.md have of Google's."""
    calendar = calendar_routes(ctx, services.CALENDAR_SERVICE, tag="google")
    return [*calendar, *meet_routes(ctx), *gmail_routes(ctx)]


@hookimpl
def register_webhooks(ctx: PluginContext) -> Sequence[WebhookSource]:
    """Hear from Google that a calendar changed."""
    return [webhooks.source(ctx)]


@hookimpl
def register_tasks(ctx: PluginContext) -> Sequence[Task]:
    """Look at calendars and mailboxes at intervals."""
    every = settings_of(ctx).poll_seconds
    return [calendar_task(ctx, services.CALENDAR_SERVICE, every=every), tasks.mail_task(ctx)]


@hookimpl
def register_calendar_providers(ctx: PluginContext) -> Sequence[CalendarProvider]:
    """Let appointments and Google Calendar be kept alike."""
    return [ctx.once(GoogleCalendar).provider()]


@hookimpl
def register_meeting_providers(ctx: PluginContext) -> Sequence[MeetingProvider]:
    """Make Meet links."""
    return [ctx.once(GoogleMeet).provider()]


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    """Show the calendar among the integrations; Gmail is shown by the core itself."""
    return [calendar_source(ctx, services.CALENDAR_SERVICE)]


@hookimpl
async def on_connection_changed(ctx: PluginContext, connection: Connection, state: str) -> None:
    """Forget a mailbox that was disconnected."""
    if state == "removed" and connection.service == services.GMAIL:
        await ctx.once(MailSync).forget(connection.id)


@hookimpl
async def diagnostics(ctx: PluginContext) -> Mapping[str, Any]:
    """Return where Google is, and whether it announces changes."""
    settings = settings_of(ctx)
    return {"api": settings.api_url, "push": settings.push, "poll_seconds": settings.poll_seconds}
