"""Rows of meetings: what is wanted, what was made, and how the wire shows them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rallypoint.domains.booking.api import AppointmentView, Meeting, MeetingRequest
from rallypoint.security.vault import Vault
from rallypoint.storage.database import Database, Row, Transaction

Document = dict[str, Any]

UNKNOWN = "?"
"""``done`` of a meeting that a provider was asked for without its answer being known."""
_OVERRIDES = ("host_email", "guest_email", "topic", "description")


async def meetings_of(reader: Transaction | Database, appointment_id: int) -> list[Row]:
    """Return an appointment's meetings, first made first."""
    return await reader.fetch(
        "SELECT * FROM appointment_meetings WHERE appointment_id = ? ORDER BY id", appointment_id
    )


def request_of(row: Row, view: AppointmentView, host_email: str) -> MeetingRequest:
    """Return the meeting as it should be: the appointment's, but for what was said for the meeting itself."""
    derived = {
        "host_email": view.practitioner_email or host_email,
        "guest_email": view.customer_email,
        "topic": f"Appointment with {view.customer_name or view.practitioner_name or 'a customer'}",
        "description": view.notes,
    }
    return MeetingRequest(
        account_id=view.account_id,
        mode=view.mode,
        user_id=row["user_id"] or view.host_user_id,
        start=view.start,
        duration=view.duration,
        timezone=view.timezone,
        request_id=row["request_id"],
        **{name: row[name] or derived[name] for name in _OVERRIDES},
    )


def fingerprint(request: MeetingRequest) -> str:
    """Return a hash of everything about a meeting that a provider is told."""
    return hashlib.sha256(json.dumps(asdict(request), sort_keys=True).encode()).hexdigest()


def meeting_of(row: Row, vault: Vault) -> Meeting:
    """Return the meeting that a row keeps."""
    return Meeting(
        url=row["meeting_url"],
        meeting_id=row["meeting_id"],
        password=_opened(row["password"], vault),
        host_url=_opened(row["host_url"], vault),
        dial_in=row["dial_in_number"] or "",
        external=json.loads(row["external"]),
    )


def columns_of(meeting: Meeting, vault: Vault) -> Document:
    """Return the columns that keep a meeting; what opens it is encrypted."""
    return {
        "meeting_url": meeting.url,
        "meeting_id": meeting.meeting_id[:200],
        "password": vault.encrypt(meeting.password) if meeting.password else None,
        "host_url": vault.encrypt(meeting.host_url) if meeting.host_url else None,
        "dial_in_number": meeting.dial_in[:200] or None,
        "external": json.dumps(dict(meeting.external)),
    }


def meeting_document(row: Row, vault: Vault) -> Document:
    """Return a meeting as replies show it."""
    return {
        "platform": row["platform"],
        "status": row["status"],
        "meetingUrl": row["meeting_url"],
        "meetingId": row["meeting_id"],
        "password": _opened(row["password"], vault) or None,
        "hostUrl": _opened(row["host_url"], vault) or None,
        "dialInNumber": row["dial_in_number"],
        "reason": row["reason"],
    }


def overrides_of(request: MeetingRequest, view: AppointmentView) -> Mapping[str, str]:
    """Return what a request says otherwise than the appointment would, cut to what the table holds."""
    return {
        "user_id": request.user_id,
        "host_email": request.host_email[:254],
        "guest_email": request.guest_email[:254] if request.guest_email != view.customer_email else "",
        "topic": request.topic,
        "description": request.description if request.description != view.notes else "",
    }


def _opened(sealed: str | None, vault: Vault) -> str:
    return vault.decrypt(sealed) if sealed else ""
