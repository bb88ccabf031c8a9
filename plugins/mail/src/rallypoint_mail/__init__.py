"""E-mail for Rallypoint: hook implementations only."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rallypoint.domains.booking.api import APPOINTMENT_EVENTS
from rallypoint.domains.mailer.api import MailTransport
from rallypoint.sdk import Connection, Event, PluginContext, PluginSettings, Route, Task, hookimpl
from rallypoint_mail.invitations import Invitations
from rallypoint_mail.notices import KINDS, notify
from rallypoint_mail.routes import mail_routes
from rallypoint_mail.settings import MailSettings
from rallypoint_mail.transports import transport_of

_PRUNE_SECONDS = 86_400.0


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return MailSettings


@hookimpl
def register_models() -> str:
    """Name the plugin's table."""
    return "rallypoint_mail.models"


@hookimpl
def register_mail_transports(ctx: PluginContext) -> Sequence[MailTransport]:
    """Send mail by the service that the operator chose."""
    return [transport_of(ctx, _settings(ctx))]


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve booking.md's invitations."""
    return mail_routes(ctx, ctx.once(_invitations))


@hookimpl
def register_tasks(ctx: PluginContext) -> Sequence[Task]:
    """Forget appointments that are long over."""

    async def prune(_connection: Connection | None) -> None:
        await ctx.once(_invitations).records.prune(round(time.time() * 1000))

    return [Task("prune", every=_PRUNE_SECONDS, run=prune)]


@hookimpl
async def on_event(ctx: PluginContext, event: Event) -> None:
    """Keep invitations like appointments, and tell owners of connections that need them."""
    if event.type in APPOINTMENT_EVENTS:
        number = int(event.subject.partition(":")[2])
        await ctx.once(_invitations).follow(event.account_id, event.mode, number)
    elif event.type in KINDS:
        await notify(ctx, event)


def _invitations(ctx: PluginContext) -> Invitations:
    return Invitations(ctx, _settings(ctx))


def _settings(ctx: PluginContext) -> MailSettings:
    if not isinstance(ctx.settings, MailSettings):
        raise TypeError("the plugin was given another plugin's settings")
    return ctx.settings
