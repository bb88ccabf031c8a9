"""The parts of the mailer, put together once for each server."""

from __future__ import annotations

from collections.abc import Sequence

from rallypoint.domains.mailer import records
from rallypoint.domains.mailer.api import MailTransport
from rallypoint.domains.mailer.drain import Drain
from rallypoint.domains.mailer.history import History
from rallypoint.domains.mailer.sealing import Sealer
from rallypoint.domains.mailer.service import MailService
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.plugins.context import PluginContext
from rallypoint.plugins.contributions import Health
from rallypoint.storage import clock
from rallypoint.storage.database import Row

_PRUNED_AT_ONCE = 500


class MailerDomain:
    """What the hooks of the mailer share.

    Args:
        ctx: The kernel's services.
    """

    def __init__(self, ctx: PluginContext) -> None:
        if not isinstance(ctx.settings, MailerSettings):
            raise TypeError("the mailer was given another plugin's settings")
        kernel, self.settings = ctx.kernel, ctx.settings
        self._database = kernel.database
        sealer = Sealer(kernel.vault)
        self.transports: Sequence[MailTransport] = ()
        self.service = MailService(kernel.database, kernel.jobs, sealer, self.settings)
        self.history = History(kernel.database, kernel.jobs, sealer, self.settings)
        self.drain = Drain(
            kernel.database, kernel.jobs, kernel.leases, sealer, self.settings, self._transport
        )

    def _transport(self) -> MailTransport | None:
        """Return what sends: the transport that the operator names, else the first."""
        wanted = self.settings.transport
        found = [each for each in self.transports if not wanted or each.name == wanted]
        return found[0] if found else None

    async def prune(self) -> None:
        """Delete what is older than the operator wants it kept."""
        before = clock.now() - round(self.settings.retention * 1000)
        while await records.prune(self._database, before, _PRUNED_AT_ONCE) == _PRUNED_AT_ONCE:
            pass

    async def health(self) -> Health:
        """Say whether mail leaves."""
        facts = await self.facts()
        transport, waiting = self._transport(), facts["queued"]
        if transport is not None and self.drain.pause.probing:
            return Health(
                "degraded",
                f"{transport.name} takes no mail: {self.drain.pause.reason}; {waiting} messages wait",
                "see to the mail server or its settings; what waits is then sent by itself",
                facts,
            )
        if transport is None and (waiting or self.settings.transport):
            return Health(
                "degraded",
                f"no plugin sends mail{_named(self.settings.transport)}; {waiting} messages wait",
                "install and configure a plugin that does, such as rallypoint-mail",
                facts,
            )
        return Health(facts=facts)

    async def facts(self) -> dict[str, object]:
        """Return how many messages there are by state, and how old the oldest that waits is (seconds)."""
        rows: list[Row] = await self._database.fetch(
            "SELECT state, COUNT(*) AS count, MIN(created_at) AS oldest FROM mailer_messages GROUP BY state"
        )
        counts: dict[str, object] = dict.fromkeys(("queued", "sent", "failed", "withdrawn", "recorded"), 0)
        counts.update({row["state"]: row["count"] for row in rows})
        oldest = next((row["oldest"] for row in rows if row["state"] == "queued"), None)
        age = None if oldest is None else round((clock.now() - oldest) / 1000)
        return {**counts, "oldest_queued_seconds": age, "transports": [each.name for each in self.transports]}


def _named(transport: str) -> str:
    return f" as {transport!r}, which RALLYPOINT_MAILER_TRANSPORT names" if transport else ""
