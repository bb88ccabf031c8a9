"""After a look at everything: what was not found any more is gone, once the provider has said so of each."""

from __future__ import annotations

from collections.abc import Sequence

from rallypoint.domains.booking.api import ExternalEvent
from rallypoint.domains.booking.calendars import claims, links
from rallypoint.domains.booking.calendars.adapter import Calendar
from rallypoint.domains.booking.calendars.claims import Claim
from rallypoint.domains.booking.calendars.reconcile import Reconcile
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row

_BATCH = 50
_UNSEEN = (
    "SELECT l.id, l.external_id FROM booking_calendar_links l JOIN appointments a ON a.id = l.appointment_id"
    " WHERE l.connection_id = ? AND l.run <> ? AND l.external_id IS NOT NULL"
    " AND a.status = 'confirmed' AND a.end_at > ? ORDER BY l.id LIMIT ?"
)


class Missing:
    """Sees to appointments to come whose events a full look has not found.

    A provider may list a part of the calendar only, so each is asked for by its id before it counts as deleted.

    Args:
        database: Where links are.
        reconcile: Cancels.
    """

    def __init__(self, database: Database, reconcile: Reconcile) -> None:
        self._database, self._reconcile = database, reconcile

    async def run(self, calendar: Calendar, claim: Claim) -> None:
        """Look after every missing event; may be broken off and begun again.

        Raises:
            ClaimLost: Somebody else goes on.
        """
        while rows := await self._unseen(claim):
            for row in rows:
                event = await calendar.get(row["external_id"])
                gone = ExternalEvent(row["external_id"], "", 0, "cancelled")
                await self._reconcile.linked(claim, row["id"], event or gone)
                async with self._database.transaction() as tx:
                    await claims.guard(tx, claim)
                    await links.update(tx, row["id"], run=claim.run)

    async def _unseen(self, claim: Claim) -> Sequence[Row]:
        return await self._database.fetch(_UNSEEN, claim.connection_id, claim.run, clock.now(), _BATCH)
