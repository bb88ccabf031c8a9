"""Brings about the meetings that are wanted: the rows are the work, a wake-up only says that there is some."""

from __future__ import annotations

import asyncio

from structlog.stdlib import BoundLogger

from rallypoint.connections.api import Connection, ConnectionState
from rallypoint.domains.booking.api import Meeting
from rallypoint.domains.booking.meetings.ledger import Claim, Ledger
from rallypoint.domains.booking.meetings.providers import MeetingProviders
from rallypoint.domains.booking.meetings.records import meeting_of
from rallypoint.domains.booking.meetings.wishes import WORK
from rallypoint.errors import PluginError
from rallypoint.jobs.api import Jobs
from rallypoint.plugins.failures import PluginFailed
from rallypoint.security.vault import Vault
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction

SWEEP_SECONDS = 2.0
_BATCH = 20


class MeetingWork:
    """Calls providers for what is due.

    Args:
        database: Where meetings are.
        ledger: Claims them, and keeps what became of them.
        providers: Make them.
        vault: Opens what the provider needs of a meeting that was made.
        jobs: Woken when a connection stands again.
        log: Where a provider's refusals are named.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        providers: MeetingProviders,
        vault: Vault,
        jobs: Jobs,
        log: BoundLogger,
    ) -> None:
        self._database, self._ledger, self._providers = database, ledger, providers
        self._vault, self._jobs, self._log = vault, jobs, log

    async def run(self) -> None:
        """Do everything that is due."""
        while due := await self._due():
            await asyncio.gather(*map(self._one, due))

    async def connection_changed(
        self, tx: Transaction, _plugin: str, connection: Connection, state: ConnectionState
    ) -> None:
        """Have what waits for a user's connection tried as soon as it stands."""
        if state != "connected":
            return
        at = clock.now()
        woken = await tx.execute(
            "UPDATE appointment_meetings SET next_at = ? WHERE next_at > ? AND failures > 0 AND account_id = ?"
            " AND (user_id = ? OR appointment_id IN (SELECT a.id FROM appointments a"
            " LEFT JOIN practitioners p ON p.id = a.practitioner_id WHERE COALESCE(p.user_id, a.user_id) = ?))",
            at,
            at,
            connection.account_id,
            connection.user_id,
            connection.user_id,
        )
        if woken:
            tx.after_commit(lambda: self._jobs.wake(WORK))

    async def _due(self) -> list[int]:
        at = clock.now()
        rows = await self._database.fetch(
            "SELECT id FROM appointment_meetings WHERE next_at <= ? AND claimed_until <= ?"
            " ORDER BY next_at LIMIT ?",
            at,
            at,
            _BATCH,
        )
        return [row["id"] for row in rows]

    async def _one(self, row_id: int) -> None:
        claim = await self._ledger.claim(row_id)
        if claim is None:
            return
        try:
            meeting = await self._act(claim)
        except (PluginError, PluginFailed) as error:
            self._log.warning("a meeting waits", platform=claim.row["platform"], reason=str(error))
            await self._ledger.fail(claim, error)
        else:
            await self._ledger.finish(claim, meeting)

    async def _act(self, claim: Claim) -> Meeting | None:
        row, platform = claim.row, claim.row["platform"]
        made = meeting_of(row, self._vault) if row["meeting_url"] else None
        if row["wanted"]:
            if made is None:
                return await self._providers.create(platform, claim.request)
            return await self._providers.update(platform, claim.request, made)
        if made is None:  # the answer to its making was lost: the same request finds it
            made = await self._providers.create(platform, claim.request)
        await self._providers.cancel(platform, claim.request, made)
        return None
