"""Microsoft for Rallypoint: hook implementations only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.booking.api import CalendarProvider, MeetingProvider
from rallypoint.domains.booking.api.connecting import calendar_routes, calendar_task
from rallypoint.domains.booking.api.connecting_status import calendar_source
from rallypoint.domains.integrations.api import IntegrationSource
from rallypoint.sdk import (
    OAuth2Connection,
    PluginContext,
    PluginSettings,
    Route,
    Task,
    WebhookSource,
    hookimpl,
)
from rallypoint_microsoft import services, webhooks
from rallypoint_microsoft.calendar import OutlookCalendar
from rallypoint_microsoft.settings import MicrosoftSettings, settings_of
from rallypoint_microsoft.teams import Teams
from rallypoint_microsoft.teams_routes import teams_routes


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return MicrosoftSettings


@hookimpl
def register_connections(ctx: PluginContext) -> Sequence[OAuth2Connection]:
    """Let users connect their calendar."""
    return [services.connection(ctx)]


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve what integrations.md has of calendars, for Outlook, and what booking.md has of Teams."""
    return [*calendar_routes(ctx, services.OUTLOOK, tag="microsoft"), *teams_routes(ctx)]


@hookimpl
def register_webhooks(ctx: PluginContext) -> Sequence[WebhookSource]:
    """Hear from Microsoft that a calendar changed."""
    return [webhooks.source(ctx)]


@hookimpl
def register_tasks(ctx: PluginContext) -> Sequence[Task]:
    """Look at calendars at intervals."""
    return [calendar_task(ctx, services.OUTLOOK, every=settings_of(ctx).poll_seconds)]


@hookimpl
def register_calendar_providers(ctx: PluginContext) -> Sequence[CalendarProvider]:
    """Let appointments and Outlook calendars be kept alike."""
    return [ctx.once(OutlookCalendar).provider()]


@hookimpl
def register_meeting_providers(ctx: PluginContext) -> Sequence[MeetingProvider]:
    """Make Teams meetings."""
    return [ctx.once(Teams).provider()]


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    """Show the calendar among the integrations."""
    return [calendar_source(ctx, services.OUTLOOK)]


@hookimpl
async def diagnostics(ctx: PluginContext) -> Mapping[str, Any]:
    """Return where Microsoft is, and whether it announces changes."""
    settings = settings_of(ctx)
    return {"api": settings.api_url, "push": settings.push, "poll_seconds": settings.poll_seconds}
