"""The bodies of events as they would read for an account's latest items: samples for who subscribes."""

from __future__ import annotations

from rallypoint.domains.booking.api import APPOINTMENT_EVENTS
from rallypoint.domains.booking.appointments.events import Document, body_of
from rallypoint.domains.booking.appointments.records import SELECT
from rallypoint.domains.booking.calls.records import call_body
from rallypoint.errors import NotFound
from rallypoint.identity.api import Mode
from rallypoint.storage.database import Database

MAX = 100
_STATUS = {"appointment.cancelled": "cancelled", "appointment.completed": "completed"}


async def recent_bodies(
    database: Database, account_id: str, mode: Mode, event: str, limit: int
) -> list[Document]:
    """Return bodies of an event, newest first.

    Raises:
        NotFound: Booking has no such event.
    """
    if event == "call.received":
        return await _calls(database, account_id, mode, limit)
    if event not in APPOINTMENT_EVENTS:
        raise NotFound(f"There is no event {event}")
    where, order, args = "", "a.id", [account_id, mode]
    if event in _STATUS:
        where, order, args = " AND a.status = ?", "a.updated_at", [*args, _STATUS[event]]
    rows = await database.fetch(
        f"{SELECT} WHERE a.account_id = ? AND a.mode = ?{where} ORDER BY {order} DESC, a.id DESC LIMIT ?",
        *args,
        limit,
    )
    when = "created_at" if event == "appointment.created" else "updated_at"
    return [body_of(event, row, row[when]) for row in rows]


async def _calls(database: Database, account_id: str, mode: Mode, limit: int) -> list[Document]:
    rows = await database.fetch(
        "SELECT * FROM calls WHERE account_id = ? AND mode = ? ORDER BY id DESC LIMIT ?",
        account_id,
        mode,
        limit,
    )
    return [call_body(row) for row in rows]
