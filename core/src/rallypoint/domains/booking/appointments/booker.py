"""Appointments for plugins, and for the API's routes through the same door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.booking.api import AppointmentView, NewAppointment
from rallypoint.domains.booking.appointments.lifecycle import Lifecycle
from rallypoint.domains.booking.appointments.making import Making, check_duration, checked
from rallypoint.domains.booking.appointments.recent import MAX, recent_bodies
from rallypoint.domains.booking.appointments.records import find, lock, view_of, when_columns
from rallypoint.domains.booking.meetings.providers import MeetingProviders, platform_of
from rallypoint.domains.booking.meetings.wishes import Wishes
from rallypoint.domains.booking.practitioners.service import lock_practitioner
from rallypoint.domains.booking.zones import within_range
from rallypoint.errors import ValidationFailed
from rallypoint.identity.api import Mode
from rallypoint.storage.database import Database, Row, Transaction

CHANGEABLE = frozenset({"notes", "session_type", "customer_name", "customer_email", "customer_phone"})


class Booker:
    """Books, moves, cancels and completes; see ``api.Appointments``.

    Args:
        database: Where appointments are.
        lifecycle: The steps, with their events.
        making: Looks up what a new appointment needs.
        wishes: Says which meetings there should be.
        providers: Make meetings.
    """

    def __init__(
        self,
        database: Database,
        lifecycle: Lifecycle,
        making: Making,
        wishes: Wishes,
        providers: MeetingProviders,
    ) -> None:
        self._database, self._lifecycle, self._making = database, lifecycle, making
        self._wishes, self._providers = wishes, providers

    async def get(self, *, account_id: str, mode: Mode, appointment_id: int) -> AppointmentView:
        """Return an appointment."""
        async with self._database.transaction() as tx:
            return view_of(await find(tx, account_id, mode, appointment_id))

    async def practitioner_of(self, *, account_id: str, mode: Mode, user_id: str) -> int | None:
        """Return the practitioner who is this user."""
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "SELECT id FROM practitioners WHERE user_id = ? AND account_id = ? AND mode = ?"
                " ORDER BY id LIMIT 1",
                user_id,
                account_id,
                mode,
            )
        return None if row is None else int(row["id"])

    async def create(
        self, *, account_id: str, mode: Mode, user_id: str, new: NewAppointment, origin: str = ""
    ) -> AppointmentView:
        """Book an appointment."""
        self._check_platform(new.meeting)
        async with self._database.transaction() as tx:
            columns = await self._making.columns(tx, account_id, mode, user_id, new)
            actor_id = None if origin else user_id
            row = await self._lifecycle.create(tx, columns, actor_id=actor_id, origin=origin)
            if new.meeting is not False:
                await self._wishes.choose(tx, row, new.meeting)
            return view_of(row)

    async def reschedule(
        self,
        *,
        account_id: str,
        mode: Mode,
        appointment_id: int,
        start: int | None = None,
        duration: int | None = None,
        changes: Mapping[str, Any] | None = None,
        origin: str = "",
        actor_id: str | None = None,
    ) -> AppointmentView:
        """Move an appointment, or change what it says."""
        words = checked(_changeable(changes or {}))
        if start is not None and not within_range(start):
            raise ValidationFailed({"scheduledAt": ["is out of range"]})
        async with self._database.transaction() as tx:
            row, timezone = await self._held(tx, account_id, mode, appointment_id)
            when: dict[str, Any] = {}
            if start is not None or duration is not None:
                length = row["duration"] if duration is None else check_duration(duration)
                when = when_columns(row["start_at"] if start is None else start, length, timezone)
            if (row["start_at"], row["end_at"]) == (when.get("start_at"), when.get("end_at")):
                when = {}
            after = await self._lifecycle.change(tx, row, {**when, **words}, actor_id=actor_id, origin=origin)
            return view_of(after)

    async def cancel(
        self,
        *,
        account_id: str,
        mode: Mode,
        appointment_id: int,
        reason: str = "",
        origin: str = "",
        actor_id: str | None = None,
    ) -> AppointmentView:
        """Cancel an appointment."""
        async with self._database.transaction() as tx:
            row = await lock(tx, await find(tx, account_id, mode, appointment_id))
            after = await self._lifecycle.cancel(tx, row, reason, actor_id=actor_id, origin=origin)
            return view_of(after)

    async def complete(
        self, *, account_id: str, mode: Mode, appointment_id: int, actor_id: str | None = None
    ) -> AppointmentView:
        """Say that an appointment took place."""
        async with self._database.transaction() as tx:
            row = await lock(tx, await find(tx, account_id, mode, appointment_id))
            return view_of(await self._lifecycle.complete(tx, row, actor_id=actor_id))

    async def meet(self, *, account_id: str, mode: Mode, appointment_id: int, meeting: str | bool) -> None:
        """Want a meeting for a confirmed appointment, or, with False, none."""
        self._check_platform(meeting)
        async with self._database.transaction() as tx:
            row = await lock(tx, await find(tx, account_id, mode, appointment_id))
            await self._wishes.choose(tx, row, meeting)

    async def recent(
        self, *, account_id: str, mode: Mode, event: str, limit: int = 10
    ) -> Sequence[Mapping[str, Any]]:
        """Return bodies of an event for the account's latest items."""
        return await recent_bodies(self._database, account_id, mode, event, min(max(limit, 1), MAX))

    async def _held(
        self, tx: Transaction, account_id: str, mode: Mode, appointment_id: int
    ) -> tuple[Row, str]:
        """Return an appointment, held after its practitioner as everywhere, and the zone that it is told in."""
        found = await find(tx, account_id, mode, appointment_id)
        timezone = found["timezone"]
        if found["practitioner_id"] is not None:
            practitioner = await lock_practitioner(tx, account_id, mode, found["practitioner_id"])
            timezone = practitioner["timezone"]
        return await lock(tx, found), timezone

    def _check_platform(self, meeting: str | bool) -> None:
        """Refuse a platform asked for by a name that nobody serves; a preferred one may yet come."""
        if isinstance(meeting, str) and not self._providers.serves(platform_of(meeting)):
            raise ValidationFailed({"meeting": [f"no plugin here makes meetings on {meeting}"]})


def _changeable(changes: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := changes.keys() - CHANGEABLE:
        raise ValueError(f"an appointment's {', '.join(sorted(unknown))} cannot be changed")
    return dict(changes)
