"""Events that carry our key although no link knows of them.

They were written just before a reply was lost or a process died, or under a connection that was removed and made
again since.
"""

from __future__ import annotations

from typing import Literal

from rallypoint.domains.booking.api import ExternalEvent
from rallypoint.domains.booking.appointments.records import find, view_of
from rallypoint.domains.booking.calendars import claims, links
from rallypoint.domains.booking.calendars.claims import Claim
from rallypoint.domains.booking.calendars.mapping import Key
from rallypoint.domains.booking.calendars.reconcile import Reconcile
from rallypoint.errors import NotFound
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction

Adopted = Literal["ours", "nothing", "foreign"]
"""``ours``: linked now. ``nothing``: a leftover. ``foreign``: no appointment of this calendar's owner."""


class Adopt:
    """Links such events to their appointments.

    Args:
        database: Where links are.
        reconcile: Goes on from there.
    """

    def __init__(self, database: Database, reconcile: Reconcile) -> None:
        self._database, self._reconcile = database, reconcile

    async def run(self, claim: Claim, key: Key, event: ExternalEvent) -> Adopted:
        """Link an event to the appointment that its key names.

        Raises:
            ClaimLost: Nothing was written.
        """
        id_ = links.link_id(claim.connection_id, key.appointment_id)
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            link = await links.find(tx, id_)
            if event.status == "cancelled" and (link is None or key.generation < link["generation"]):
                return "nothing"
            if link is None:
                return await self._link(tx, claim, key, event)
            generation = max(key.generation, link["generation"])
            known = {} if claim.two_way else links.known(event)
            bound = {"external_id": event.id, "generation": generation, "run": claim.run}
            await links.make_due(tx, id_, **bound, **known)
        if claim.two_way:  # either side may have changed since it was written
            await self._reconcile.linked(claim, id_, event)
        return "ours"

    async def _link(self, tx: Transaction, claim: Claim, key: Key, event: ExternalEvent) -> Adopted:
        try:
            view = view_of(await find(tx, claim.account_id, claim.mode, key.appointment_id))
        except NotFound:
            return "foreign"
        if view.host_user_id != claim.user_id or view.status != "confirmed":
            return "foreign"  # of a cancelled one: left over from before, or restored, which nobody can tell
        if view.end <= clock.now():
            return "nothing"
        await links.add(
            tx,
            claim.connection_id,
            claim.service,
            view.id,
            external_id=event.id,
            generation=key.generation,
            wanted_seq=view.seq,
            next_at=clock.now(),
            run=claim.run,
            **links.known(event),
        )
        return "ours"
