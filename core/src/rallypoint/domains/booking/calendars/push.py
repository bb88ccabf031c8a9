"""Makes events look like their appointments as they are now, whatever happened before and however often it runs."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from rallypoint.domains.booking.api import AppointmentView, Changed, ExternalEvent, ExternalRef, Gone
from rallypoint.domains.booking.appointments.records import find, view_of
from rallypoint.domains.booking.calendars import blocks, claims, links
from rallypoint.domains.booking.calendars.adapter import AdapterFailed, Calendar
from rallypoint.domains.booking.calendars.claims import Claim, ClaimLost
from rallypoint.domains.booking.calendars.mapping import event_of, is_like
from rallypoint.domains.booking.calendars.notes import Note
from rallypoint.domains.booking.calendars.reconcile import Reconcile, remake
from rallypoint.errors import NeedsReauth, NotFound, PermanentFailure, PluginError, RetryLater
from rallypoint.jobs.backoff import backoff
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row

MAX_FAILURES = 15
"""Refusals in a row after which an event is left as it is until its appointment changes: some four hours."""
_BATCH = 20
_TRIES = 4
_log = structlog.stdlib.get_logger("rallypoint.calendars")


@dataclass
class _Count:
    written: int = 0


class Push:
    """Writes to calendars.

    Args:
        database: Where links and appointments are.
        reconcile: Asked when the event is not as we last knew it.
        note: Tells the connection's owner.
    """

    def __init__(self, database: Database, reconcile: Reconcile, note: Note) -> None:
        self._database, self._reconcile, self._note = database, reconcile, note

    async def run(self, calendar: Calendar, claim: Claim) -> None:
        """Write everything that is due; each event's outcome is noted before the next one is written.

        Raises:
            ClaimLost: Somebody else goes on.
            NeedsReauth: Nothing can be written until the owner connects anew.
        """
        count = _Count()
        try:
            while rows := await links.due(self._database, claim.connection_id, _BATCH):
                for row in rows:
                    if not await self._one(calendar, claim, row, count):
                        return
        finally:
            if count.written:
                await self._note(claim, "pushed", f"{count.written} events" if count.written > 1 else "")

    async def _one(self, calendar: Calendar, claim: Claim, link: Row, count: _Count) -> bool:
        """Write one event; False when the calendar is to be left alone for now."""
        try:
            await self._write(calendar, claim, link)
            count.written += 1
        except (NeedsReauth, ClaimLost):
            raise
        except (PermanentFailure, AdapterFailed) as error:
            await self._put_off(claim, link, error)
        except RetryLater as error:
            await self._put_off_all(claim, link, error)
            return False
        return True

    async def _write(self, calendar: Calendar, claim: Claim, link: Row | None) -> None:
        for _ in range(_TRIES):
            if link is None or await self._try(calendar, claim, link):
                return
            link = await self._database.fetch_one(
                "SELECT * FROM booking_calendar_links WHERE id = ? AND wanted_seq > pushed_seq", link["id"]
            )
        raise PermanentFailure("the event changes faster than it can be written")

    async def _try(self, calendar: Calendar, claim: Claim, link: Row) -> bool:
        """Write an event; False when it and its appointment are to be looked at anew."""
        try:
            row = await find(self._database, claim.account_id, claim.mode, link["appointment_id"])
        except NotFound:
            await self._forget(claim, link)
            return True
        view = view_of(row)
        if view.status == "completed":
            await self._settle(claim, link, view, None)
        elif view.status == "cancelled" or view.host_user_id != claim.user_id:
            await self._remove(calendar, claim, link, view)
        else:
            return await self._make_alike(calendar, claim, link, view)
        return True

    async def _make_alike(self, calendar: Calendar, claim: Claim, link: Row, view: AppointmentView) -> bool:
        wanted = event_of(view, link)
        try:
            if link["external_id"] is None:
                event = await calendar.insert(wanted)
                if event.status == "cancelled":
                    raise Changed(event)
                if not is_like(
                    event, wanted
                ):  # made before a reply was lost, and the appointment moved since
                    event = await calendar.update(event.ref, wanted)
            else:
                event = await calendar.update(ExternalRef(link["external_id"], link["etag"]), wanted)
        except Changed as changed:
            event = changed.event
            if not is_like(event, wanted):  # else it is our own write, whose reply was lost
                await self._changed(claim, link, event)
                return False
        except Gone:
            await self._gone(calendar, claim, link)
            return False
        await self._settle(claim, link, view, event)
        return True

    async def _changed(self, claim: Claim, link: Row, event: ExternalEvent) -> None:
        if event.status == "cancelled" and not claim.two_way:
            await self._remake(claim, link)
        elif claim.two_way:
            await self._bind(claim, link, event)
            await self._reconcile.linked(claim, link["id"], event)
        else:
            async with self._database.transaction() as tx:
                await claims.guard(tx, claim)
                await links.update(tx, link["id"], external_id=event.id, etag=event.etag)

    async def _gone(self, calendar: Calendar, claim: Claim, link: Row) -> None:
        """Take the deletion for one that its owner meant, in two-way; else make the event anew."""
        if claim.two_way and link["external_id"] is not None:
            found = await calendar.get(link["external_id"])
            event = found or ExternalEvent(link["external_id"], "", 0, "cancelled")
            await self._reconcile.linked(claim, link["id"], event)
        else:
            await self._remake(claim, link)

    async def _remake(self, claim: Claim, link: Row) -> None:
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            await remake(tx, link)

    async def _bind(self, claim: Claim, link: Row, event: ExternalEvent) -> None:
        if link["external_id"] is None:
            async with self._database.transaction() as tx:
                await claims.guard(tx, claim)
                await links.update(tx, link["id"], external_id=event.id)

    async def _remove(self, calendar: Calendar, claim: Claim, link: Row, view: AppointmentView) -> None:
        if link["external_id"] is not None:
            await calendar.delete(ExternalRef(link["external_id"], link["etag"]))
        if view.host_user_id != claim.user_id:
            await self._forget(claim, link)
        else:
            await self._settle(claim, link, view, None)

    async def _settle(
        self, claim: Claim, link: Row, view: AppointmentView, event: ExternalEvent | None
    ) -> None:
        known = {} if event is None else {"external_id": event.id, **links.known(event)}
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            await links.pushed(tx, link["id"], view.seq, **known)
            if link["external_id"] is not None:
                await blocks.drop(tx, claim.connection_id, [link["external_id"]])

    async def _forget(self, claim: Claim, link: Row) -> None:
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            await links.remove(tx, link["id"])

    async def _put_off(self, claim: Claim, link: Row, error: PluginError) -> None:
        failures = link["failures"] + 1
        again = None if failures >= MAX_FAILURES else clock.now() + backoff(failures)
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            await links.failed(tx, link["id"], failures, again, str(error))
        await self._note(claim, "failed", f"an event cannot be written: {error}")

    async def _put_off_all(self, claim: Claim, link: Row, error: RetryLater) -> None:
        failures = link["failures"] + 1
        until = clock.now() + backoff(failures, error.after)
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            await links.failed(tx, link["id"], failures, until, str(error))
            await links.postpone(tx, claim.connection_id, until)
        _log.info("writes to a calendar wait", connection=claim.connection_id, failures=failures)
        await self._note(claim, "failed", f"writing waits: {error}", until=until)
