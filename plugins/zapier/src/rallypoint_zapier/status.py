"""Zapier in ``GET /integrations/status`` and on the page of integrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.domains.integrations.api import Action, Fact, IntegrationSource, Section, Viewer, Went
from rallypoint.sdk import PluginContext
from rallypoint_zapier.keys import Keys
from rallypoint_zapier.subscriptions import Subscriptions
from rallypoint_zapier.times import moment

_SUMMARY = "Appointments and calls in your Zaps, and Zaps that book, move and cancel appointments."
_QUESTION = "Revoke the key? Every Zap that uses it stops at once, and what waits to be sent is not sent."


class ZapierStatus:
    """What a user sees of the own key.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._keys, self._subscriptions = ctx.once(Keys), ctx.once(Subscriptions)

    def source(self) -> IntegrationSource:
        """Return it for the integrations domain."""
        return IntegrationSource("zapier", "Zapier", status=self.status, section=self.section)

    async def status(self, viewer: Viewer) -> Mapping[str, Any]:
        """Return the documented object."""
        key = await self._keys.find(viewer)
        if key is None:
            return {"connected": False}
        return {
            "connected": True,
            "apiKey": key.value,
            "webhookUrl": self._keys.webhook_url(key),
            "createdAt": moment(key.created_at),
        }

    async def section(self, viewer: Viewer) -> Section:
        """Return the section of the page: the key, to be made, copied and revoked."""
        key = await self._keys.find(viewer)
        if key is None:
            make = Action("generate-key", "Generate key", self._generate, style="primary")
            return Section("Zapier", _SUMMARY, actions=(make,))
        count = await self._subscriptions.count(viewer.account_id, viewer.user_id)
        facts = (
            Fact("API key", key.value, copy=True, secret=True),
            Fact("Webhook URL", self._keys.webhook_url(key), copy=True),
            Fact("Created", at=key.created_at),
            Fact("Subscribed Zaps", str(count)),
        )
        revoke = Action("revoke-key", "Revoke key", self._revoke, confirm=_QUESTION, style="danger")
        return Section("Zapier", _SUMMARY, "connected", facts, (revoke,))

    async def _generate(self, viewer: Viewer, _values: Mapping[str, str]) -> Went:
        await self._keys.generate(viewer)
        return Went("Your key is ready: copy it into Zapier.")

    async def _revoke(self, viewer: Viewer, _values: Mapping[str, str]) -> Went:
        await self._keys.revoke(viewer)
        return Went("The key is revoked.")
