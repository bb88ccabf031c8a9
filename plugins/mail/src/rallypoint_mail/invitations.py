"""Keeps people's calendars like the appointments: what is due to be said follows from what stands and what was said.

An event only says that something may have changed, so events may come late, twice, or together.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from rallypoint.domains.booking.api import Appointments, AppointmentView
from rallypoint.domains.mailer.api import Email, Mailer
from rallypoint.sdk import Conflict, Mode, NotFound, People, PluginContext, Principal, ValidationFailed
from rallypoint_mail.calendar import Person
from rallypoint_mail.due import Say, due, removed
from rallypoint_mail.entries import Entry, Writer, entry_of
from rallypoint_mail.records import Record, Records, Told, Tx, Words
from rallypoint_mail.schemas import CreateCalendarEvent, stretch_of
from rallypoint_mail.sender import host_of, sender_of
from rallypoint_mail.settings import MailSettings

MAX_UID = 200


class Invitations:
    """Invitations to appointments.

    Args:
        ctx: The plugin's.
        settings: Say who gets them and from whom.
    """

    def __init__(self, ctx: PluginContext, settings: MailSettings) -> None:
        self._ctx, self._settings = ctx, settings
        self._writer = Writer(sender_of(settings, ctx.public_url))
        self._domain = host_of(ctx.public_url)
        self.records = Records(ctx)

    async def follow(self, account_id: str, mode: Mode, appointment_id: int) -> None:
        """Say what has to be said of an appointment as it stands; nothing when that was said already."""
        try:
            view = await self._appointment(account_id, mode, appointment_id)
        except NotFound:
            return  # it was erased
        organisation = await self._ctx.service(People).account_name(account_id)
        async with self._ctx.kernel.database.transaction() as tx:
            record = await self.records.find(tx, account_id, mode, appointment_id)
            if record is None and self._settings.invitations != "automatic":
                return
            record = record or self._new(view)
            entry = self._entry(view, record.words, organisation)
            if due(view, entry, record.told, now=_now()):
                record = await self._withdrawn(view, record)
                says = due(view, entry, record.told, now=_now())
                await self._say(tx, view, entry, record, says, delay=self._settings.settle_seconds)

    async def request(self, caller: Principal, body: CreateCalendarEvent, words: Words) -> str:
        """Write an invitation in somebody's own words, at once; later changes of the appointment keep them.

        Args:
            caller: Whose appointment it is about.
            body: Complete.
            words: Of the body.

        Returns:
            The appointment's id, or one of its own for an invitation to nothing that is kept here.

        Raises:
            NotFound: The account has no such appointment.
            Conflict: It is cancelled.
            ValidationFailed: Date, time or zone cannot be read.
        """
        organisation = await self._ctx.service(People).account_name(caller.account_id)
        if body.appointmentId is None:
            return await self._request_alone(caller, body, words, organisation)
        view = await self._appointment(caller.account_id, caller.mode, body.appointmentId)
        if view.status == "cancelled":
            raise Conflict("The appointment is cancelled")
        when = stretch_of(body, body.timezone or view.timezone)
        entry = replace(
            self._entry(view, words, organisation), start=when.start, end=when.end, timezone=when.timezone
        )
        async with self._ctx.kernel.database.transaction() as tx:
            found = await self.records.find(tx, caller.account_id, caller.mode, view.id)
            record = replace(await self._withdrawn(view, found or self._new(view)), words=words)
            says = [Say("invitation", entry.addresses), *removed(entry, record.told)]
            await self._say(tx, view, entry, record, says, delay=0)
        return str(view.id)

    async def _request_alone(
        self, caller: Principal, body: CreateCalendarEvent, words: Words, organisation: str
    ) -> str:
        number, when = str(uuid.uuid4()), stretch_of(body, body.timezone or "UTC")
        people = [Person(words.to), *([Person(words.cc)] if words.cc else [])]
        entry = Entry(
            title=words.title,
            description=words.description,
            start=when.start,
            end=when.end,
            timezone=when.timezone,
            people=tuple(people),
            organisation=organisation,
        )
        email = self._writer.write(
            "invitation",
            entry,
            uid=f"cal-{number}@{self._domain}"[:MAX_UID],
            sequence=0,
            to=entry.addresses,
            now=_now(),
        )
        mailer = self._ctx.service(Mailer)
        await mailer.send(
            account_id=caller.account_id, mode=caller.mode, key=f"invitation/cal-{number}", email=email
        )
        return number

    async def _say(
        self,
        tx: Tx,
        view: AppointmentView,
        entry: Entry,
        record: Record,
        says: Sequence[Say],
        *,
        delay: float,
    ) -> None:
        """Put what is due into the queue, and write down that it was said."""
        now, sequence = _now(), max(view.sequence, record.told.sequence + 1)
        keys = []
        for number, say in enumerate(says):
            email = self._writer.write(say.kind, entry, uid=record.uid, sequence=sequence, to=say.to, now=now)
            keys.append(f"invitation/{view.id}/{sequence}/{now}/{number}")
            await self._send(view, keys[-1], email, delay)
        told = record.told  # when nothing is left to say, the word before the withdrawn one is right again
        if says:
            stays = any(say.kind != "cancellation" for say in says)
            told = Told(sequence, entry.digest, entry.addresses) if stays else Told(sequence)
        key = keys[0] if len(keys) == 1 else ""
        after = replace(record, told=told, before=record.told, key=key)
        await self.records.save(tx, view, after, now=now)

    async def _send(self, view: AppointmentView, key: str, email: Email, delay: float) -> None:
        await self._ctx.service(Mailer).send(
            account_id=view.account_id,
            mode=view.mode,
            key=key,
            email=email,
            lane=f"appointment:{view.id}",
            delay=delay,
        )

    async def _withdrawn(self, view: AppointmentView, record: Record) -> Record:
        """Take back the last word if nobody has heard it yet, so that people hear the newest alone."""
        if record.key and await self._ctx.service(Mailer).withdraw(
            account_id=view.account_id, mode=view.mode, key=record.key
        ):
            return replace(record, told=record.before, key="")
        return record

    async def _appointment(self, account_id: str, mode: Mode, appointment_id: int) -> AppointmentView:
        appointments = self._ctx.service(Appointments)
        return await appointments.get(account_id=account_id, mode=mode, appointment_id=appointment_id)

    def _entry(self, view: AppointmentView, words: Words, organisation: str) -> Entry:
        """Return what the entry should say, to those of its people who can be written to."""
        entry = entry_of(view, words, organisation, copy=self._settings.copy_practitioner)
        people = tuple(person for person in entry.people if self._reachable(person))
        return replace(entry, people=people if people[:1] == entry.people[:1] else ())

    def _reachable(self, person: Person) -> bool:
        try:
            self._ctx.service(Mailer).check(Email((person.email,), "Check", ""))
        except ValidationFailed:
            return False
        return True

    def _new(self, view: AppointmentView) -> Record:
        return Record(uid=f"appointment-{view.id}.{view.account_id}@{self._domain}"[:MAX_UID])


def _now() -> int:
    return round(time.time() * 1000)
