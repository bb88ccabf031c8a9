"""``/integrations/zapier``: a user's key."""

from __future__ import annotations

from rallypoint.domains.integrations.api import Viewer
from rallypoint.sdk import Call, Done, PluginContext, Reply, Routes
from rallypoint_zapier.keys import Keys
from rallypoint_zapier.schemas import KeyOut, Succeeded
from rallypoint_zapier.times import moment


def key_routes(ctx: PluginContext) -> Routes:
    """Return the routes by which a user makes and revokes a key."""
    keys = ctx.once(Keys)
    routes = Routes("/integrations/zapier", tag="integrations")

    @routes.add(
        "POST",
        "/generate-key",
        summary="Get the key for Zapier, made now if there is none",
        replies={200: Succeeded[KeyOut]},
        idempotent=True,
    )
    async def generate_key(call: Call) -> Reply:
        key = await keys.generate(Viewer.of(call.caller))
        data = KeyOut(apiKey=key.value, webhookUrl=keys.webhook_url(key), createdAt=moment(key.created_at))
        return Reply(Succeeded(data=data))

    @routes.add(
        "DELETE",
        "/revoke-key",
        summary="Revoke the key for Zapier and all that was subscribed with it",
        replies={200: Done},
    )
    async def revoke_key(call: Call) -> Reply:
        await keys.revoke(Viewer.of(call.caller))
        return Reply(Done(message="Zapier API key revoked successfully"))

    return routes
