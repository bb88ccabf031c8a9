"""Meetings for the plugins' routes: made now, and kept with an appointment when there is one."""

from __future__ import annotations

from dataclasses import replace

from rallypoint.domains.booking.api import AppointmentView, Meeting, MeetingRequest, Platform
from rallypoint.domains.booking.appointments.lifecycle import require_confirmed
from rallypoint.domains.booking.appointments.records import find, lock, view_of
from rallypoint.domains.booking.meetings.ledger import Claim, Ledger
from rallypoint.domains.booking.meetings.providers import MeetingProviders
from rallypoint.domains.booking.meetings.records import meeting_of, overrides_of
from rallypoint.domains.booking.meetings.wishes import Wishes
from rallypoint.domains.booking.rows import update
from rallypoint.errors import Conflict, PluginError
from rallypoint.identity.api import Mode
from rallypoint.plugins.failures import PluginFailed
from rallypoint.security.vault import Vault
from rallypoint.storage.database import Database


class MeetingService:
    """Meetings made on request.

    Args:
        database: Where they are kept.
        wishes: Says which there should be.
        ledger: Claims them, and keeps what became of them.
        providers: Make them.
        vault: Opens what opens a meeting.
    """

    def __init__(
        self,
        database: Database,
        wishes: Wishes,
        ledger: Ledger,
        providers: MeetingProviders,
        vault: Vault,
    ) -> None:
        self._database, self._wishes, self._ledger = database, wishes, ledger
        self._providers, self._vault = providers, vault

    async def create(
        self, platform: Platform, request: MeetingRequest, *, appointment_id: int | None = None
    ) -> Meeting:
        """Make a meeting now; see ``api.Meetings``."""
        if appointment_id is None:
            return await self._providers.create(platform, request)
        claimed = await self._claim(platform, request, appointment_id)
        if isinstance(claimed, Meeting):
            return claimed
        try:
            meeting = await self._providers.create(platform, claimed.request)
        except (PluginError, PluginFailed) as error:
            await self._give_up(claimed, error)
            raise
        await self._ledger.finish(claimed, meeting)
        return meeting

    async def appointment_of(self, *, account_id: str, mode: Mode, request_id: str) -> AppointmentView | None:
        """Return the appointment that a meeting was made for; see ``api.Meetings``."""
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "SELECT appointment_id FROM appointment_meetings"
                " WHERE request_id = ? AND account_id = ? AND mode = ?",
                request_id,
                account_id,
                mode,
            )
            return None if row is None else view_of(await find(tx, account_id, mode, row["appointment_id"]))

    async def _claim(
        self, platform: Platform, request: MeetingRequest, appointment_id: int
    ) -> Claim | Meeting:
        """Return the meeting that there is, or the right to make it.

        The request's own time is what the provider is told first; the appointment's follows when they differ.
        """
        async with self._database.transaction() as tx:
            found = await find(tx, request.account_id, request.mode, appointment_id)
            appointment = await lock(tx, found)
            require_confirmed(appointment)
            view = view_of(appointment)
            row = await self._wishes.want(tx, view, platform)
            if row["status"] == "ready":
                return meeting_of(row, self._vault)
            said = overrides_of(request, view)
            await update(tx, "appointment_meetings", row["id"], said)
            await self._wishes.follow(tx, view, "")
        claim = await self._ledger.claim(row["id"])
        if claim is None:
            raise Conflict("This meeting is being made already", code="IN_PROGRESS")
        if (request.start, request.duration) == (view.start, view.duration):
            return claim
        return replace(claim, request=replace(request, request_id=row["request_id"]))

    async def _give_up(self, claim: Claim, error: Exception) -> None:
        """Want no meeting whose caller was told that there is none; one that was made after all is removed."""
        await self._ledger.fail(claim, error)
        async with self._database.transaction() as tx:
            row = await tx.lock("SELECT * FROM appointment_meetings WHERE id = ?", claim.row["id"])
            if row is not None:
                await self._wishes.drop(tx, row, reason=str(error)[:500])
