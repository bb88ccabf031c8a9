"""Partners without a public API, for Rallypoint: hook implementations only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.rooms.api import RoomSource
from rallypoint.sdk import Event, Health, PluginContext, PluginSettings, Route, Task, WebhookSource, hookimpl
from rallypoint_partners.partners import Partners
from rallypoint_partners.routes import partner_routes
from rallypoint_partners.settings import PartnersSettings


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return PartnersSettings


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """List the partners."""
    return partner_routes(ctx.once(Partners))


@hookimpl
def register_webhooks(ctx: PluginContext) -> Sequence[WebhookSource]:
    """Receive each partner's webhooks."""
    return ctx.once(Partners).sources()


@hookimpl
def register_tasks(ctx: PluginContext) -> Sequence[Task]:
    """Poll the partners that have a list."""
    return ctx.once(Partners).tasks()


@hookimpl
def register_room_sources(ctx: PluginContext) -> Sequence[RoomSource]:
    """Let ``POST /rooms/:id/sync`` pull one session of a partner."""
    return [RoomSource(name, partner.pull) for name, partner in ctx.once(Partners).by_name.items()]


@hookimpl
async def on_event(ctx: PluginContext, event: Event) -> None:
    """Tell partners who joins and leaves their sessions here."""
    await ctx.once(Partners).hear(event)


@hookimpl
async def health(ctx: PluginContext) -> Health:
    """Say which partners are inbound only."""
    return ctx.once(Partners).health()


@hookimpl
async def diagnostics(ctx: PluginContext) -> Mapping[str, Any]:
    """Return each partner's direction and capabilities."""
    partners = ctx.once(Partners).by_name
    return {
        name: {"direction": partner.direction, "capabilities": sorted(partner.config.capabilities)}
        for name, partner in partners.items()
    }
