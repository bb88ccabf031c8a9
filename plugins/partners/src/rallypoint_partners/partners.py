"""All partners of a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from rallypoint.sdk import Event, Health, PluginContext, Task, WebhookSource
from rallypoint_partners.body import parsed
from rallypoint_partners.config import WebhookConfig, load_configs
from rallypoint_partners.partner import Partner
from rallypoint_partners.settings import PartnersSettings
from rallypoint_partners.webhooks import delivery_id, path_of, sample, verifier

_TOLD = frozenset({"participant.joined", "participant.left"})


class Partners:
    """What the hooks of the plugin share; made once by ``ctx.once``.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        settings = ctx.settings
        if not isinstance(settings, PartnersSettings):
            raise TypeError("the plugin was given another plugin's settings")
        configs = load_configs(settings.config_dir)
        self.by_name: Mapping[str, Partner] = {
            name: Partner(ctx, config, settings.access_of(name)) for name, config in configs.items()
        }

    def sources(self) -> Sequence[WebhookSource]:
        """Return an endpoint for each partner that sends webhooks."""
        return [
            _source(partner, partner.config.webhook)
            for partner in self.by_name.values()
            if partner.config.webhook is not None and "webhook-in" in partner.config.capabilities
        ]

    def tasks(self) -> Sequence[Task]:
        """Return a poll for each partner with a list that can be asked for and an owner for its rooms."""
        return [
            Task(f"sync-{name}", every=partner.config.api.poll_seconds, run=partner.sync)
            for name, partner in self.by_name.items()
            if partner.can("list") and partner.access.has_owner
        ]

    async def hear(self, event: Event) -> None:
        """Pass an event of a partner's room on to the partner; nothing of the sandbox leaves the server."""
        if event.type not in _TOLD or event.mode != "live":
            return
        data = parsed(event.body)["data"]
        partner = self.by_name.get(data["room"]["external_service_name"] or "")
        if partner is not None and partner.access.account_id == event.account_id:
            await partner.tell(event.type, data)

    def health(self) -> Health:
        """Say of each partner what works; that one has no API is no fault."""
        directions = {name: partner.direction for name, partner in self.by_name.items()}
        ownerless = sorted(name for name, partner in self.by_name.items() if partner.lacks_owner)
        if ownerless:
            reason = f"nobody owns the rooms of {', '.join(ownerless)}"
            return Health("degraded", reason, "set its ACCOUNT_ID and OWNER_ID", directions)
        reason = "; ".join(f"{name}: {direction}" for name, direction in sorted(directions.items()))
        return Health("ok", reason, facts=directions)


def _source(partner: Partner, webhook: WebhookConfig) -> WebhookSource:
    config, secret = partner.config, partner.access.webhook_secret.get_secret_value()
    return WebhookSource(
        provider=config.name,
        path=path_of(config.name),
        verify=verifier(webhook, secret),
        delivery_id=partial(delivery_id, webhook),
        handle=partner.receive,
        sample=partial(sample, config, webhook, secret),
        summary=f"Receive a webhook of {config.title}",
    )
