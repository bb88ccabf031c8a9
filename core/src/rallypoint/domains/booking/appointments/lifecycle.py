"""The steps of an appointment's life, each inside the caller's transaction and each telling of itself.

confirmed → completed | cancelled, and nothing else. Who holds a practitioner's row may book them: of two who want
the same time one waits, and then finds it taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rallypoint.domains.booking.api import AppointmentView
from rallypoint.domains.booking.appointments.events import draft_of
from rallypoint.domains.booking.appointments.records import find, view_of
from rallypoint.domains.booking.fields import MAX_DURATION
from rallypoint.domains.booking.rows import insert, update
from rallypoint.errors import Conflict
from rallypoint.events.outbox import Outbox
from rallypoint.storage import clock
from rallypoint.storage.database import Row, Transaction

Follower = Callable[[Transaction, AppointmentView, str], Awaitable[None]]
"""What writes, in the appointment's transaction, what must follow from its change: meetings, calendars.

Takes the transaction, the appointment after the change, and the change's origin.
"""


class Lifecycle:
    """Changes of appointments.

    Args:
        outbox: Where the events go.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._followers: list[Follower] = []

    def follow(self, follower: Follower) -> None:
        """Have ``follower`` called at every change, in the order in which they were added."""
        self._followers.append(follower)

    async def create(
        self, tx: Transaction, columns: Mapping[str, Any], *, actor_id: str | None, origin: str = ""
    ) -> Row:
        """Insert an appointment whose practitioner, if any, the caller holds, and return its row.

        Raises:
            Conflict: ``SLOT_TAKEN``.
        """
        await require_free(tx, columns["practitioner_id"], columns["start_at"], columns["end_at"])
        at = clock.now()
        values = {**columns, "status": "confirmed", "reason": "", "seq": 1, "sequence": 0}
        row = await insert(tx, "appointments", {**values, "created_at": at, "updated_at": at})
        return await self._told(tx, "appointment.created", row, actor_id, origin)

    async def change(
        self,
        tx: Transaction,
        row: Row,
        columns: Mapping[str, Any],
        *,
        actor_id: str | None,
        origin: str = "",
    ) -> Row:
        """Write changed columns of a confirmed appointment; nothing when they are as they were.

        Raises:
            Conflict: ``SLOT_TAKEN``, or ``NOT_CONFIRMED``.
        """
        changes = {name: value for name, value in columns.items() if row[name] != value}
        if not changes:
            return row
        require_confirmed(row)
        if changes.keys() & {"start_at", "end_at"}:
            start, end = columns["start_at"], columns["end_at"]
            await require_free(tx, row["practitioner_id"], start, end, but=row["id"])
            changes["sequence"] = row["sequence"] + 1
        return await self._write(tx, "appointment.updated", row, changes, actor_id, origin)

    async def cancel(
        self, tx: Transaction, row: Row, reason: str, *, actor_id: str | None, origin: str = ""
    ) -> Row:
        """Cancel a confirmed appointment; a cancelled one stays as it is, without an event.

        Raises:
            Conflict: ``NOT_CONFIRMED``.
        """
        if row["status"] == "cancelled":
            return row
        require_confirmed(row)
        changes = {
            "status": "cancelled",
            "reason": reason,
            "cancelled_at": clock.now(),
            "sequence": row["sequence"] + 1,
        }
        return await self._write(tx, "appointment.cancelled", row, changes, actor_id, origin)

    async def complete(self, tx: Transaction, row: Row, *, actor_id: str | None) -> Row:
        """Complete a confirmed appointment; a completed one stays as it is, without an event.

        Raises:
            Conflict: ``NOT_CONFIRMED``.
        """
        if row["status"] == "completed":
            return row
        require_confirmed(row)
        changes = {"status": "completed", "completed_at": clock.now()}
        return await self._write(tx, "appointment.completed", row, changes, actor_id, "")

    async def tell_updated(self, tx: Transaction, row: Row) -> Row:
        """Tell that something about an appointment changed that is not in its own row: its meeting."""
        return await self._write(tx, "appointment.updated", row, {}, None, "")

    async def _write(
        self,
        tx: Transaction,
        event: str,
        row: Row,
        changes: Mapping[str, Any],
        actor_id: str | None,
        origin: str,
    ) -> Row:
        stamped = {**changes, "seq": row["seq"] + 1, "updated_at": clock.now()}
        after = await update(tx, "appointments", row["id"], stamped)
        return await self._told(tx, event, after, actor_id, origin)

    async def _told(
        self, tx: Transaction, event: str, changed: Row, actor_id: str | None, origin: str
    ) -> Row:
        row = await find(tx, changed["account_id"], changed["mode"], changed["id"])
        for follower in self._followers:
            await follower(tx, view_of(row), origin)
        await self._outbox.add(tx, draft_of(event, row, actor_id, await _number(tx, row, actor_id)))
        return row


async def require_free(
    tx: Transaction, practitioner_id: int | None, start: int, end: int, *, but: int = 0
) -> None:
    """Refuse a time at which a practitioner has a confirmed appointment; the caller holds the practitioner.

    Raises:
        Conflict: ``SLOT_TAKEN``.
    """
    if practitioner_id is None:
        return
    taken = await tx.fetch_one(
        "SELECT id FROM appointments WHERE practitioner_id = ? AND status = 'confirmed'"
        " AND start_at < ? AND start_at > ? AND end_at > ? AND id <> ? LIMIT 1",
        practitioner_id,
        end,
        start - MAX_DURATION * clock.MINUTE,
        start,
        but,
    )
    if taken is not None:
        raise Conflict("This time is taken", code="SLOT_TAKEN")


def require_confirmed(row: Row) -> None:
    """Refuse to change what is over.

    Raises:
        Conflict: ``NOT_CONFIRMED``.
    """
    if row["status"] != "confirmed":
        raise Conflict(f"The appointment is {row['status']}", code="NOT_CONFIRMED")


async def _number(tx: Transaction, row: Row, actor_id: str | None) -> int | None:
    if actor_id is None or actor_id == row["user_id"]:
        return None if actor_id is None else row["user_number"]
    user = await tx.fetch_one("SELECT number FROM users WHERE id = ?", actor_id)
    return None if user is None else int(user["number"])
