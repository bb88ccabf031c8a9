"""Appointments as events and events as appointments; pure, as are the ids by which we know our own events again.

Times and cancellations go both ways. Text belongs to the side where the event was made.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from rallypoint.domains.booking.api import AppointmentView, CalendarEvent, ExternalEvent, NewAppointment
from rallypoint.domains.booking.zones import zone_names
from rallypoint.storage.database import Row

MINUTE = 60_000
LONGEST_MINUTES = 24 * 60
"""Longer events are no appointments: they only block time."""
_MAX_NAME, _MAX_NOTES = 200, 4000
_UID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Key:
    """What the uid of one of our events says."""

    appointment_id: int
    generation: int


def uid_of(account_id: str, appointment_id: int, generation: int) -> str:
    """Return the uid of an appointment's event; other servers' appointments never have the same."""
    raw = _owner(account_id) + appointment_id.to_bytes(8, "big") + generation.to_bytes(2, "big")
    return base64.b32hexencode(raw).decode().lower()


def key_of(uid: str, account_id: str) -> Key | None:
    """Read a uid; None when it is not one of this account's."""
    if len(uid) != _UID_LENGTH:  # of most events, it is empty
        return None
    try:
        raw = base64.b32hexdecode(uid, casefold=True)
    except ValueError:
        return None
    if raw[:10] != _owner(account_id):
        return None
    return Key(int.from_bytes(raw[10:18], "big"), int.from_bytes(raw[18:], "big"))


def _owner(account_id: str) -> bytes:
    return hashlib.blake2b(account_id.encode(), digest_size=10).digest()


def event_of(view: AppointmentView, link: Row) -> CalendarEvent:
    """Return what the event of a linked appointment should look like; the text is integrations.md's."""
    lines = [
        "Callnfy appointment",
        f"Customer: {view.customer_name}",
        f"Phone: {view.customer_phone}",
        f"Notes: {view.notes}",
    ]
    if view.meeting_url:
        lines.append(f"Meeting: {view.meeting_url}")
    return CalendarEvent(
        uid=uid_of(view.account_id, view.id, link["generation"]),
        appointment_id=view.id,
        summary=f"Appointment with {view.customer_name}",
        description="\n".join(lines),
        start=view.start,
        end=view.end,
        timezone=view.timezone,
        attendees=(view.customer_email,) if view.customer_email else (),
        only_time=bool(link["made_there"]),
    )


def is_like(event: ExternalEvent, wanted: CalendarEvent) -> bool:
    """Tell whether an event is already as it should be."""
    same_time = (event.start, event.end) == (wanted.start, wanted.end) and not event.all_day
    same_text = _words(event.summary, event.description) == _words(wanted.summary, wanted.description)
    return event.status == "confirmed" and same_time and (same_text or wanted.only_time)


def _words(*texts: str) -> list[list[str]]:
    """Return texts without what providers do to white space."""
    return [text.split() for text in texts]


def has_time_of(event: ExternalEvent, view: AppointmentView) -> bool:
    """Tell whether an event is when the appointment is, to the minute."""
    return event.start == view.start and minutes_of(event) == view.duration


def minutes_of(event: ExternalEvent) -> int:
    """Return how long a timed event is, begun minutes counted as whole ones."""
    if event.start is None or event.end is None:
        raise ValueError("an event without times has no length")
    return minutes(event.start, event.end)


def minutes(start: int, end: int) -> int:
    """Return the minutes between two times, a begun one counted as whole."""
    return -(-(end - start) // MINUTE)


def fits(event: ExternalEvent) -> bool:
    """Tell whether an event is of the kind that can be an appointment: single, with times, within a day."""
    if event.start is None or event.end is None or event.all_day or event.recurring:
        return False
    return 0 < event.end - event.start <= LONGEST_MINUTES * MINUTE


def blocks_time(event: ExternalEvent, now: int) -> bool:
    """Tell whether an event takes up time that is still to come."""
    if event.status != "confirmed" or not event.busy or event.start is None or event.end is None:
        return False
    return event.end > now and event.end > event.start


def is_to_import(event: ExternalEvent, now: int) -> bool:
    """Tell whether an event that is not ours is to become an appointment: its owner made it, and may change it."""
    return blocks_time(event, now) and fits(event) and event.organizer_self


def appointment_of(event: ExternalEvent, practitioner_id: int | None, own: Collection[str]) -> NewAppointment:
    """Return the appointment that an event becomes.

    Args:
        event: One that :func:`is_to_import`.
        practitioner_id: Of the calendar's owner.
        own: The owner's addresses in lower case; somebody else who is invited is the customer.
    """
    guest = next((one for one in event.attendees if one.lower() not in own), "")
    return NewAppointment(
        start=event.start or 0,
        duration=minutes_of(event),
        practitioner_id=practitioner_id,
        timezone=event.timezone if event.timezone in zone_names() else "UTC",
        customer_name=(guest or event.summary.strip() or "Calendar event")[:_MAX_NAME],
        customer_email=guest,
        notes=notes_of(event),
    )


def notes_of(event: ExternalEvent) -> str:
    """Return an event's text as an appointment's notes."""
    parts = (event.summary.strip(), event.description.strip())
    return "\n\n".join(part for part in parts if part)[:_MAX_NOTES]


def text_mark(event: ExternalEvent) -> str:
    """Return a short fingerprint of an event's text, by which a change of it is known."""
    return hashlib.sha256(f"{event.summary}\0{event.description}".encode()).hexdigest()[:16]
