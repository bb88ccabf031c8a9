"""The mailer as a plugin: the same hooks as any provider's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.mailer.api import Mailer
from rallypoint.domains.mailer.domain import MailerDomain
from rallypoint.domains.mailer.drain import SWEEP_SECONDS
from rallypoint.domains.mailer.routes import mail_routes
from rallypoint.domains.mailer.service import DRAIN
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.sdk import Health, PluginContext, PluginSettings, Route, hookimpl

PRUNE_SECONDS = 600.0


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return MailerSettings


@hookimpl
def register_models() -> str:
    """Name the tables of the mailer."""
    return "rallypoint.domains.mailer.models"


@hookimpl
def register_services(ctx: PluginContext) -> Mapping[type, object]:
    """Offer the queue to whoever has something to send."""
    return {Mailer: ctx.once(MailerDomain).service}


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Show an account its messages."""
    return mail_routes(ctx.once(MailerDomain).history)


@hookimpl
async def startup(ctx: PluginContext) -> None:
    """Collect the transports, and send what is due."""
    domain = ctx.once(MailerDomain)
    domain.transports = await ctx.kernel.hooks.collect("register_mail_transports")
    ctx.kernel.jobs.handle(DRAIN, domain.drain.run)
    ctx.kernel.jobs.every(SWEEP_SECONDS, f"{DRAIN}.sweep", domain.drain.sweep)
    ctx.kernel.jobs.every(PRUNE_SECONDS, "mailer.prune", domain.prune)


@hookimpl
async def health(ctx: PluginContext) -> Health:
    """Say whether mail leaves."""
    return await ctx.once(MailerDomain).health()


@hookimpl
async def diagnostics(ctx: PluginContext) -> Mapping[str, Any]:
    """Return how much waits, was sent, has failed."""
    return await ctx.once(MailerDomain).facts()
