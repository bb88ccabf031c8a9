"""Reads a calendar's changes: page by page, what a page changes here and where to go on moving together.

A look that is broken off goes on at the page where it broke, and applies that page's events once more at most: they
are known by then, and nothing happens twice. Once the provider has forgotten where we were everything is read anew,
and what is not found any more is gone.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from rallypoint.connections.api import Connection
from rallypoint.domains.booking.api import Appointments, ChangePage, CursorExpired
from rallypoint.domains.booking.calendars import blocks, claims, links
from rallypoint.domains.booking.calendars.adapter import Calendar
from rallypoint.domains.booking.calendars.adopt import Adopt
from rallypoint.domains.booking.calendars.claims import Claim
from rallypoint.domains.booking.calendars.missing import Missing
from rallypoint.domains.booking.calendars.notes import Note
from rallypoint.domains.booking.calendars.push import Push
from rallypoint.domains.booking.calendars.reading import Plan, plan
from rallypoint.domains.booking.calendars.reconcile import Reconcile
from rallypoint.errors import RetryLater
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction


class Pull:
    """Reads calendars.

    Args:
        database: Where links, blocks and cursors are.
        appointments: Asked who the practitioner is.
        reconcile: Carries changes over to appointments.
        push: Writes what comes up while a long look is under way.
        note: Tells the connection's owner.
    """

    def __init__(
        self, database: Database, appointments: Appointments, reconcile: Reconcile, push: Push, note: Note
    ) -> None:
        self._database, self._appointments, self._reconcile = database, appointments, reconcile
        self._push, self._note = push, note
        self._adopt = Adopt(database, reconcile)
        self._missing = Missing(database, reconcile)

    async def run(self, calendar: Calendar, claim: Claim) -> Claim:
        """Read what has changed, and let go of the claim.

        Returns:
            How things stand; no claim any more.

        Raises:
            ClaimLost: Somebody else goes on.
            RetryLater, NeedsReauth, PermanentFailure: As the provider does; what was read stays.
        """
        begun = claim if claim.cursor or claim.page else claim.from_beginning()
        try:
            return await self._read(calendar, begun)
        except CursorExpired:
            again = await self._read_anew(claim)
        try:
            return await self._read(calendar, again)
        except CursorExpired:
            raise RetryLater("the calendar cannot be read from its beginning") from None

    async def _read_anew(self, claim: Claim) -> Claim:
        fresh = claim.from_beginning()
        async with self._database.transaction() as tx:
            await self._note(claim, "cursor", "the provider forgot where we were: everything is read anew")
            return await claims.move(tx, claim, cursor="", page="", reading_all=True, run=fresh.run)

    async def _read(self, calendar: Calendar, claim: Claim) -> Claim:
        is_first = claim.last_sync_at is None
        async with aclosing(calendar.pages(claim.page or claim.cursor, ahead=is_first)) as pages:
            async for page in pages:
                made = await self._plan(calendar.connection, claim, page)
                if not page.next_page:
                    return await self._end(calendar, claim, made, page.cursor)
                claim = await self._move(claim, made, page.next_page)
                if not is_first:  # a first look does not know yet what is there already
                    claim = await self._push_between(calendar, claim)
        raise RetryLater("the calendar's pages end before the last one")

    async def _move(self, claim: Claim, made: Plan, next_page: str) -> Claim:
        async with self._database.transaction() as tx:
            await self._write(tx, claim, made)
            return await claims.move(tx, claim, page=next_page, reading_all=claim.reading_all, run=claim.run)

    async def _push_between(self, calendar: Calendar, claim: Claim) -> Claim:
        """Write what is due."""
        if claim.push_at is None or claim.push_at > clock.now():
            return claim
        await self._push.run(calendar, claim)
        return replace(claim, has_linked=True)

    async def _end(self, calendar: Calendar, claim: Claim, made: Plan, cursor: str) -> Claim:
        if claim.reading_all:
            async with self._database.transaction() as tx:
                await claims.guard(tx, claim)
                await self._write(tx, claim, made)
            if claim.two_way:
                await self._missing.run(calendar, claim)
            await blocks.drop_unseen(self._database, claim.connection_id, claim.run)
            made = Plan()
        async with self._database.transaction() as tx:
            await self._write(tx, claim, made)
            await self._note(claim, "polled")
            if claim.reading_all:
                await self._note(claim, "cursor", "the whole calendar has been read")
            return await claims.finish(tx, claim, cursor)

    async def _plan(self, connection: Connection, claim: Claim, page: ChangePage) -> Plan:
        """Carry changes over to appointments, and return what is left to be written with the page."""
        now = clock.now()
        made = await plan(self._database, claim, page.events, now)
        for link_id, event in made.linked:
            if await self._reconcile.linked(claim, link_id, event) == "fresh":
                made.take_fresh(event, claim, now, link_id)
        for key, event in made.adopted:
            if await self._adopt.run(claim, key, event) == "foreign":
                made.take_foreign(event, now)
        await self._import(connection, claim, made)
        return made

    async def _import(self, connection: Connection, claim: Claim, made: Plan) -> None:
        if not made.fresh:
            return
        practitioner = await self._appointments.practitioner_of(
            account_id=claim.account_id, mode=claim.mode, user_id=claim.user_id
        )
        own = {connection.email.lower(), connection.label.lower()}
        refused: list[str] = []
        for event, link_id in made.fresh:
            if reason := await self._reconcile.new(claim, event, practitioner, own, link_id):
                refused.append(reason)
                made.blocks.append(event)
            else:
                made.nothing.append(event.id)
        if refused:
            await self._note(claim, "skipped", f"{len(refused)} events only block their time: {refused[0]}")

    async def _write(self, tx: Transaction, claim: Claim, made: Plan) -> None:
        await blocks.write(tx, claim.connection_id, claim.run, made.blocks)
        if claim.reading_all:  # blocks that are not written anew are deleted at the end
            await links.seen(tx, made.seen, claim.run)
        else:
            await blocks.drop(tx, claim.connection_id, made.dropped)
