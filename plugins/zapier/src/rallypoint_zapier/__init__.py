"""Zapier for Rallypoint: hook implementations only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.integrations.api import IntegrationSource
from rallypoint.sdk import Event, PluginContext, PluginSettings, Route, TargetKind, hookimpl
from rallypoint_zapier.key_routes import key_routes
from rallypoint_zapier.routes import zapier_routes
from rallypoint_zapier.settings import ZapierSettings, settings_of
from rallypoint_zapier.status import ZapierStatus
from rallypoint_zapier.subscriptions import KIND, Subscriptions


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say what the operator may set."""
    return ZapierSettings


@hookimpl
def register_models() -> str:
    """Name the tables of keys and subscriptions."""
    return "rallypoint_zapier.models"


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve what users and what Zapier call."""
    return [*key_routes(ctx), *zapier_routes(ctx)]


@hookimpl
def register_target_kinds(ctx: PluginContext) -> Sequence[TargetKind]:
    """Let deliveries to Zapier carry the key."""
    return [TargetKind(KIND, ctx.once(Subscriptions).headers)]


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    """Show the key among the integrations."""
    return [ctx.once(ZapierStatus).source()]


@hookimpl
async def on_event(ctx: PluginContext, event: Event) -> None:
    """Forget a subscription that its receiver gave up."""
    if event.type == "webhook.disabled":
        await ctx.once(Subscriptions).drop(json.loads(event.body)["webhook_id"])


@hookimpl
async def diagnostics(ctx: PluginContext) -> Mapping[str, Any]:
    """Return how many keys and subscriptions there are."""
    settings = settings_of(ctx)
    keys = "SELECT COUNT(*) AS number FROM zapier_keys WHERE key_hash IS NOT NULL"
    subscriptions = "SELECT COUNT(*) AS number FROM zapier_subscriptions"
    return {
        "keys": await _number(ctx, keys),
        "subscriptions": await _number(ctx, subscriptions),
        "max_subscriptions": settings.max_subscriptions,
    }


async def _number(ctx: PluginContext, query: str) -> int:
    row = await ctx.kernel.database.fetch_one(query)
    return 0 if row is None else int(row["number"])
