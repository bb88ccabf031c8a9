"""Zoom for Rallypoint: hook implementations only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.booking.api import MeetingProvider
from rallypoint.domains.integrations.api import IntegrationSource
from rallypoint.sdk import (
    Connection,
    EventType,
    PluginContext,
    PluginSettings,
    Route,
    Task,
    WebhookSource,
    hookimpl,
)
from rallypoint_zoom import webhooks
from rallypoint_zoom.book import Book
from rallypoint_zoom.events import EVENTS
from rallypoint_zoom.meetings import ZoomMeetings
from rallypoint_zoom.routes import zoom_routes
from rallypoint_zoom.settings import ZoomSettings, settings_of
from rallypoint_zoom.status import ZoomStatus

_PRUNE_SECONDS = 3600.0


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return ZoomSettings


@hookimpl
def register_models() -> str:
    """Name the tables of meetings and events."""
    return "rallypoint_zoom.models"


@hookimpl
def register_events() -> Sequence[EventType]:
    """Declare what happens in a meeting."""
    return list(EVENTS.values())


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve what booking.md has of Zoom's."""
    return zoom_routes(ctx)


@hookimpl
def register_webhooks(ctx: PluginContext) -> Sequence[WebhookSource]:
    """Hear from Zoom what happens in meetings."""
    return [webhooks.source(ctx)]


@hookimpl
def register_tasks(ctx: PluginContext) -> Sequence[Task]:
    """Forget what is too old to matter."""
    book = ctx.once(Book)

    async def prune(_connection: Connection | None) -> None:
        await book.prune()

    return [Task("prune", every=_PRUNE_SECONDS, run=prune)]


@hookimpl
def register_meeting_providers(ctx: PluginContext) -> Sequence[MeetingProvider]:
    """Make meetings."""
    return [ctx.once(ZoomMeetings).provider()]


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    """Show Zoom among the integrations."""
    return [ctx.once(ZoomStatus).source()]


@hookimpl
async def diagnostics(ctx: PluginContext) -> Mapping[str, Any]:
    """Return where Zoom is, and what is configured."""
    settings = settings_of(ctx)
    return {
        "api": settings.api_url,
        "events": bool(settings.webhook_secret.get_secret_value()),
        "sandbox": settings.credentials("sandbox") is not None,
        "hosts": list(settings.hosts),
    }
