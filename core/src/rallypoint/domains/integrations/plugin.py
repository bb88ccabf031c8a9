"""Integrations as a plugin: the same hooks as any provider's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rallypoint.domains.integrations.api import Integrations
from rallypoint.domains.integrations.domain import IntegrationsDomain
from rallypoint.domains.integrations.routes import page_routes, status_routes
from rallypoint.domains.integrations.views import ASSETS
from rallypoint.sdk import Health, PluginContext, Route, hookimpl


@hookimpl
def register_services(ctx: PluginContext) -> Mapping[type, object]:
    """Let plugins extend what is made from a connection."""
    return {Integrations: ctx.once(IntegrationsDomain).defaults}


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve the status of integrations.md, and the page."""
    domain = ctx.once(IntegrationsDomain)
    return [*status_routes(domain.service), *page_routes(domain.pages), *ASSETS.routes()]


@hookimpl
async def startup(ctx: PluginContext) -> None:
    """Collect what plugins offer."""
    await ctx.once(IntegrationsDomain).service.collect()


@hookimpl
async def health(ctx: PluginContext) -> Health:
    """Tell of integrations that had to be left out."""
    problems = ctx.once(IntegrationsDomain).service.catalogue.problems
    if not problems:
        return Health()
    return Health("degraded", "; ".join(problems), "upgrade or uninstall one of these plugins, then restart")
