"""Rows of appointments, and what they are to the wire and to other parts."""

from __future__ import annotations

from typing import Any

from rallypoint.domains.booking.api import AppointmentView
from rallypoint.domains.booking.zones import local_of, parse_time, twelve_hours, zone_of
from rallypoint.errors import NotFound
from rallypoint.identity.api import Mode
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

Document = dict[str, Any]

SELECT = (
    "SELECT a.*, u.number AS user_number, p.email AS practitioner_email,"
    " COALESCE(p.user_id, a.user_id) AS host_user_id,"
    " (SELECT m.meeting_url FROM appointment_meetings m WHERE m.appointment_id = a.id AND m.status = 'ready'"
    " ORDER BY m.id DESC LIMIT 1) AS meeting_url"
    " FROM appointments a LEFT JOIN practitioners p ON p.id = a.practitioner_id"
    " LEFT JOIN users u ON u.id = a.user_id"
)


async def find(reader: Transaction | Database, account_id: str, mode: Mode, appointment_id: int) -> Row:
    """Return an account's appointment, read with :data:`SELECT`.

    Raises:
        NotFound: It has none such.
    """
    row = await reader.fetch_one(
        f"{SELECT} WHERE a.id = ? AND a.account_id = ? AND a.mode = ?", appointment_id, account_id, mode
    )
    if row is None:
        raise NotFound("Appointment not found")
    return row


async def lock(tx: Transaction, row: Row) -> Row:
    """Return an appointment as it is now, held until the transaction ends."""
    await tx.lock("SELECT id FROM appointments WHERE id = ?", row["id"])
    return await find(tx, row["account_id"], row["mode"], row["id"])


def when_columns(start: int, duration: int, timezone: str) -> Document:
    """Return the columns that say when: what is computed with, and the documented ones in the zone."""
    local = local_of(start, zone_of(timezone))
    return {
        "start_at": start,
        "end_at": start + duration * clock.MINUTE,
        "duration": duration,
        "timezone": timezone,
        "date": local.date().isoformat(),
        "time": local.strftime("%H:%M:%S"),
    }


def view_of(row: Row) -> AppointmentView:
    """Return what other parts see of an appointment read with :data:`SELECT`."""
    return AppointmentView(
        id=row["id"],
        account_id=row["account_id"],
        mode=row["mode"],
        user_id=row["user_id"],
        practitioner_id=row["practitioner_id"],
        practitioner_name=row["practitioner_name"],
        host_user_id=row["host_user_id"],
        practitioner_email=row["practitioner_email"] or "",
        timezone=row["timezone"],
        customer_id=row["customer_id"],
        customer_name=row["customer_name"],
        customer_email=row["customer_email"],
        customer_phone=row["customer_phone"],
        start=row["start_at"],
        duration=row["duration"],
        status=row["status"],
        notes=row["notes"],
        session_type=row["session_type"],
        reason=row["reason"],
        seq=row["seq"],
        sequence=row["sequence"],
        updated_at=row["updated_at"],
        meeting_url=row["meeting_url"] or "",
    )


def appointment_document(row: Row, meetings: list[Document]) -> Document:
    """Return an appointment read with :data:`SELECT` as replies show it."""
    return {
        "id": row["id"],
        "userId": row["user_number"],
        "practitionerId": row["practitioner_id"],
        "practitionerName": row["practitioner_name"],
        "date": row["date"],
        "time": _shown_time(row["time"]),
        "timezone": row["timezone"],
        "scheduledAt": clock.rfc3339(row["start_at"]),
        "endsAt": clock.rfc3339(row["end_at"]),
        "duration": row["duration"],
        "sessionType": row["session_type"],
        "status": row["status"],
        "notes": row["notes"],
        "reason": row["reason"],
        "customerId": row["customer_id"],
        "customerName": row["customer_name"],
        "customerEmail": row["customer_email"],
        "customerPhone": row["customer_phone"],
        "meetingUrl": row["meeting_url"] or "",
        "meetings": meetings,
        "cancelledAt": clock.rfc3339_or_none(row["cancelled_at"]),
        "completedAt": clock.rfc3339_or_none(row["completed_at"]),
        "createdAt": clock.rfc3339(row["created_at"]),
        "updatedAt": clock.rfc3339(row["updated_at"]),
    }


def _shown_time(time: str) -> str:
    """Return ``9:00 AM``, as availability shows it and requests take it."""
    return twelve_hours(parse_time(time[:5]))
