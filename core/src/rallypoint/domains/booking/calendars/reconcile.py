"""Carries changes of a calendar's events over to appointments, each in a transaction of its own (two-way alone).

An appointment's change and what is known of its event move together. A reader that is broken off applies what it
had applied already once more, and finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Collection

from rallypoint.domains.booking.api import Appointments, AppointmentView, ExternalEvent
from rallypoint.domains.booking.calendars import claims, links
from rallypoint.domains.booking.calendars.claims import Claim
from rallypoint.domains.booking.calendars.mapping import (
    appointment_of,
    minutes_of,
    notes_of,
    text_mark,
)
from rallypoint.domains.booking.calendars.notes import Note
from rallypoint.domains.booking.calendars.rules import Verdict, is_conflict, is_pending, verdict
from rallypoint.errors import ApiError
from rallypoint.storage.database import Database, Row, Transaction

_TRIES = 5
_CANCELLED = "Deleted in the calendar"
_SAID: dict[Verdict, str] = {
    "keep": "changed on both sides: the newer time, set here, stands",
    "move": "changed on both sides: the newer time, set in the calendar, stands",
    "cancel": "changed here and deleted in the calendar: it is cancelled",
    "remake": "deleted in the calendar and changed here since: its event is made anew",
    "refuse": "cannot be as its event has become: the event is put back",
}


class _Overtaken(Exception):
    """The appointment was changed by somebody else between the decision and its doing."""


class Reconcile:
    """What events mean for appointments.

    Args:
        database: Where both are.
        appointments: Changes them.
        note: Tells the connection's owner.
    """

    def __init__(self, database: Database, appointments: Appointments, note: Note) -> None:
        self._database, self._appointments, self._note = database, appointments, note

    async def linked(self, claim: Claim, link_id: str, event: ExternalEvent) -> Verdict:
        """Have an appointment follow its event, or its event follow it, by the rules.

        Raises:
            ClaimLost: Nothing was written.
        """
        for _ in range(_TRIES):
            try:
                return await self._linked(claim, link_id, event)
            except _Overtaken:
                continue
            except ApiError as error:
                return await self._refused(claim, link_id, event, error.message)
        raise RuntimeError(f"{link_id} is changed faster than it can be followed")

    async def new(
        self,
        claim: Claim,
        event: ExternalEvent,
        practitioner_id: int | None,
        own: Collection[str],
        link_id: str = "",
    ) -> str:
        """Make an appointment of an event.

        Args:
            claim: On the calendar.
            event: Nobody's, or restored.
            practitioner_id: Of the calendar's owner.
            own: The owner's addresses, in lower case.
            link_id: Of the cancelled appointment whose event was restored.

        Returns:
            Why it cannot be one, because the time is taken, say; empty when it is one now.

        Raises:
            ClaimLost: Nothing was written.
        """
        try:
            async with self._database.transaction() as tx:
                await claims.guard(tx, claim)
                if link_id:
                    await links.remove(tx, link_id)
                view = await self._appointments.create(
                    account_id=claim.account_id,
                    mode=claim.mode,
                    user_id=claim.user_id,
                    new=appointment_of(event, practitioner_id, own),
                    origin=claim.connection_id,
                )
                await self._link_imported(tx, claim, view, event)
        except ApiError as error:
            return error.message
        return ""

    async def _link_imported(
        self, tx: Transaction, claim: Claim, view: AppointmentView, event: ExternalEvent
    ) -> None:
        seen = {"made_there": True, "text_mark": text_mark(event), "run": claim.run}
        seqs = {"wanted_seq": view.seq, "pushed_seq": view.seq}
        columns = {"external_id": event.id, **seen, **seqs, **links.known(event)}
        await links.add(tx, claim.connection_id, claim.service, view.id, **columns)

    async def _linked(self, claim: Claim, link_id: str, event: ExternalEvent) -> Verdict:
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            link = await links.find(tx, link_id)
            if link is None:
                return "echo"
            view = await self._appointments.get(
                account_id=claim.account_id, mode=claim.mode, appointment_id=link["appointment_id"]
            )
            decided = verdict(link, view, event)
            await self._apply(tx, claim, link, view, event, decided)
        if decided == "refuse" or is_conflict(link, view, decided):
            await self._note(claim, "conflict", f"appointment {view.id} {_SAID[decided]}")
        return decided

    async def _apply(
        self,
        tx: Transaction,
        claim: Claim,
        link: Row,
        view: AppointmentView,
        event: ExternalEvent,
        decided: Verdict,
    ) -> None:
        match decided:
            case "note" | "keep":
                await self._noted(tx, claim, link, view, event)
            case "move":
                await self._moved(tx, claim, link, view, event)
            case "cancel":
                await self._cancelled(tx, claim, link, view, event)
            case "refuse":
                await links.make_due(tx, link["id"], **links.known(event))
            case "remake":
                await remake(tx, link)
            case "echo" | "fresh":
                pass

    async def _noted(
        self, tx: Transaction, claim: Claim, link: Row, view: AppointmentView, event: ExternalEvent
    ) -> None:
        await links.update(tx, link["id"], **links.known(event), **_mark(link, event))
        if view.status == "confirmed" and _new_text(link, event):
            after = await self._changed(tx, claim, view, event, move=False)
            await self._followed(tx, link, after)

    async def _moved(
        self, tx: Transaction, claim: Claim, link: Row, view: AppointmentView, event: ExternalEvent
    ) -> None:
        after = await self._changed(tx, claim, view, event, move=True, text=_new_text(link, event))
        await links.update(tx, link["id"], **links.known(event), **_mark(link, event))
        await self._followed(tx, link, after)

    async def _changed(
        self,
        tx: Transaction,  # noqa: ARG002 - joined
        claim: Claim,
        view: AppointmentView,
        event: ExternalEvent,
        *,
        move: bool,
        text: bool = True,
    ) -> AppointmentView:
        after = await self._appointments.reschedule(
            account_id=claim.account_id,
            mode=claim.mode,
            appointment_id=view.id,
            start=event.start if move else None,
            duration=minutes_of(event) if move else None,
            changes={"notes": notes_of(event)} if text else None,
            origin=claim.connection_id,
        )
        return _next_to(view, after)

    async def _cancelled(
        self, tx: Transaction, claim: Claim, link: Row, view: AppointmentView, event: ExternalEvent
    ) -> None:
        after = await self._appointments.cancel(
            account_id=claim.account_id,
            mode=claim.mode,
            appointment_id=view.id,
            reason=_CANCELLED,
            origin=claim.connection_id,
        )
        seq = _next_to(view, after).seq
        known = links.known(event)
        await links.update(tx, link["id"], wanted_seq=seq, pushed_seq=seq, next_at=None, failures=0, **known)

    async def _followed(self, tx: Transaction, link: Row, view: AppointmentView) -> None:
        """Note that our change was theirs; what of ours waited to be written still does."""
        if is_pending(link):
            await links.update(tx, link["id"], wanted_seq=view.seq)
        else:
            await links.update(tx, link["id"], wanted_seq=view.seq, pushed_seq=view.seq)

    async def _refused(self, claim: Claim, link_id: str, event: ExternalEvent, reason: str) -> Verdict:
        async with self._database.transaction() as tx:
            await claims.guard(tx, claim)
            await links.make_due(tx, link_id, **links.known(event))
        await self._note(claim, "conflict", f"an event is put back: {reason}")
        return "refuse"


async def remake(tx: Transaction, link: Row) -> None:
    """Have an event made anew, under another uid: the old one's is taken for good."""
    await links.make_due(
        tx,
        link["id"],
        external_id=None,
        etag="",
        external_updated=0,
        start_at=None,
        end_at=None,
        made_there=False,
        generation=link["generation"] + 1,
    )


def _next_to(before: AppointmentView, after: AppointmentView) -> AppointmentView:
    if after.seq > before.seq + 1:
        raise _Overtaken
    return after


def _new_text(link: Row, event: ExternalEvent) -> bool:
    return bool(link["made_there"]) and link["text_mark"] != text_mark(event)


def _mark(link: Row, event: ExternalEvent) -> dict[str, str]:
    return {"text_mark": text_mark(event)} if link["made_there"] else {}
