"""Appointments as the API's callers see them: from request bodies to what the booker takes, and back."""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict

from rallypoint.domains.booking.api import NewAppointment
from rallypoint.domains.booking.appointments.booker import Booker
from rallypoint.domains.booking.appointments.records import (
    SELECT,
    Document,
    appointment_document,
    find,
)
from rallypoint.domains.booking.appointments.schemas import (
    AppointmentFilter,
    ChangeAppointment,
    CreateAppointment,
)
from rallypoint.domains.booking.fields import number_of
from rallypoint.domains.booking.meetings.records import meeting_document
from rallypoint.domains.booking.zones import occurrences, zone_of
from rallypoint.errors import Conflict, NotFound, ValidationFailed
from rallypoint.identity.api import Mode, Principal
from rallypoint.security.vault import Vault
from rallypoint.storage.database import Database, Row, Transaction


class Key(TypedDict):
    """What finds an appointment of an account."""

    account_id: str
    mode: Mode
    appointment_id: int


class AppointmentService:
    """Everything ``/api/appointments`` does.

    Args:
        database: Where appointments are.
        booker: Books, moves, cancels and completes.
        vault: Opens what opens a meeting, for the account's own.
    """

    def __init__(self, database: Database, booker: Booker, vault: Vault) -> None:
        self._database, self._booker, self._vault = database, booker, vault

    async def get(self, principal: Principal, appointment_id: str) -> Document:
        """Return an appointment of the caller's account.

        Raises:
            NotFound: There is none.
        """
        row = await find(self._database, **_key(principal, appointment_id))
        return (await self._shown(self._database, [row]))[0]

    async def page(self, principal: Principal, query: AppointmentFilter) -> tuple[list[Document], str | None]:
        """Return a page of the account's appointments, latest first, and the cursor of the next."""
        where, args = _condition(query)
        rows = await self._database.fetch(
            f"{SELECT} WHERE a.account_id = ? AND a.mode = ?{where}"
            " ORDER BY a.start_at DESC, a.id DESC LIMIT ?",
            principal.account_id,
            principal.mode,
            *args,
            query.limit + 1,
        )
        page = rows[: query.limit]
        more = len(rows) > query.limit
        cursor = f"{page[-1]['start_at']}-{page[-1]['id']}" if more else None
        return await self._shown(self._database, page), cursor

    async def create(self, principal: Principal, body: CreateAppointment) -> Document:
        """Book an appointment.

        Raises:
            Conflict: ``SLOT_TAKEN``.
            NotFound: No such practitioner or customer.
            ValidationFailed: The time does not exist, or no plugin serves the platform.
        """
        async with self._database.transaction() as tx:
            zone = await _zone(tx, principal, body.practitioner_id, body.timezone)
            start = _moment(body.local, zone) if body.scheduled_at is None else body.scheduled_at
            said = body.model_dump(
                include={
                    "duration", "practitioner_id", "practitioner_name", "customer_name",
                    "customer_email", "customer_phone", "session_type", "notes", "meeting",
                }
            )  # fmt: skip
            new = NewAppointment(start=start, timezone=zone, customer_id=body.customer_id or "", **said)
            view = await self._booker.create(
                account_id=principal.account_id, mode=principal.mode, user_id=principal.user_id, new=new
            )
            return await self._read(tx, _key(principal, str(view.id)))

    async def change(self, principal: Principal, appointment_id: str, body: ChangeAppointment) -> Document:
        """Change what the body names; ``status`` acts as the route of the same meaning.

        Raises:
            NotFound: There is no such appointment.
            Conflict: It is not confirmed any more, or the new time is taken.
        """
        whose, given = _key(principal, appointment_id), body.model_fields_set
        async with self._database.transaction() as tx:
            row = await find(tx, **whose)
            if "practitioner_id" in given and body.practitioner_id != row["practitioner_id"]:
                raise ValidationFailed(
                    {"practitionerId": ["cannot change: cancel this one and book another"]}
                )
            start = body.scheduled_at
            if body.local is not None:
                start = _moment(
                    body.local, await _zone(tx, principal, row["practitioner_id"], row["timezone"])
                )
            await self._booker.reschedule(
                **whose,
                start=start,
                duration=body.duration,
                changes=body.words(),
                actor_id=principal.user_id,
            )
            if "meeting" in given:
                await self._booker.meet(**whose, meeting=body.meeting)
            if "status" in given:
                await self._turn(whose, row, body, principal.user_id)
            return await self._read(tx, whose)

    async def cancel(self, principal: Principal, appointment_id: str, reason: str) -> Document:
        """Cancel an appointment; cancelling it twice changes nothing.

        Raises:
            NotFound: There is no such appointment.
            Conflict: It is completed.
        """
        whose = _key(principal, appointment_id)
        async with self._database.transaction() as tx:
            await self._booker.cancel(**whose, reason=reason, actor_id=principal.user_id)
            return await self._read(tx, whose)

    async def complete(self, principal: Principal, appointment_id: str) -> Document:
        """Complete an appointment; completing it twice changes nothing.

        Raises:
            NotFound: There is no such appointment.
            Conflict: It is cancelled.
        """
        whose = _key(principal, appointment_id)
        async with self._database.transaction() as tx:
            await self._booker.complete(**whose, actor_id=principal.user_id)
            return await self._read(tx, whose)

    async def _turn(self, whose: Key, row: Row, body: ChangeAppointment, actor_id: str) -> None:
        if body.status == "cancelled":
            await self._booker.cancel(**whose, reason=body.reason, actor_id=actor_id)
        elif body.status == "completed":
            await self._booker.complete(**whose, actor_id=actor_id)
        elif row["status"] != "confirmed":
            raise Conflict(f"The appointment is {row['status']}", code="NOT_CONFIRMED")

    async def _read(self, tx: Transaction, whose: Key) -> Document:
        return (await self._shown(tx, [await find(tx, **whose)]))[0]

    async def _shown(self, reader: Transaction | Database, rows: list[Row]) -> list[Document]:
        meetings: dict[int, list[Document]] = {row["id"]: [] for row in rows}
        if rows:
            marks = ", ".join("?" * len(rows))
            for meeting in await reader.fetch(
                f"SELECT * FROM appointment_meetings WHERE appointment_id IN ({marks}) ORDER BY id",  # noqa: S608
                *meetings,
            ):
                meetings[meeting["appointment_id"]].append(meeting_document(meeting, self._vault))
        return [appointment_document(row, meetings[row["id"]]) for row in rows]


def _key(principal: Principal, appointment_id: str) -> Key:
    number = number_of(appointment_id, "Appointment")
    return {"account_id": principal.account_id, "mode": principal.mode, "appointment_id": number}


async def _zone(
    tx: Transaction, principal: Principal, practitioner_id: int | None, otherwise: str | None
) -> str:
    """Return the zone that a date and time of an appointment are in."""
    if practitioner_id is None:
        return otherwise or "UTC"
    row = await tx.fetch_one(
        "SELECT timezone FROM practitioners WHERE id = ? AND account_id = ? AND mode = ?",
        practitioner_id,
        principal.account_id,
        principal.mode,
    )
    if row is None:
        raise NotFound("Practitioner not found")
    return str(row["timezone"])


def _moment(local: tuple[date, int] | None, zone: str) -> int:
    if local is None:
        raise ValidationFailed({"scheduledAt": ["is required without date and time"]})
    moments = occurrences(*local, zone_of(zone))
    if not moments:
        raise ValidationFailed({"time": [f"does not exist on this date in {zone}: the clocks skip it"]})
    return moments[0]


def _condition(query: AppointmentFilter) -> tuple[str, list[Any]]:
    clauses = {
        "a.status = ?": query.status,
        "a.practitioner_id = ?": query.practitioner_id,
        "a.start_at >= ?": query.from_,
        "a.start_at < ?": query.to,
    }
    where = "".join(f" AND {clause}" for clause, value in clauses.items() if value is not None)
    args: list[Any] = [value for value in clauses.values() if value is not None]
    if query.after is not None:
        start, number = map(int, query.after.split("-"))
        where += " AND (a.start_at < ? OR (a.start_at = ? AND a.id < ?))"
        args += [start, start, number]
    return where, args
