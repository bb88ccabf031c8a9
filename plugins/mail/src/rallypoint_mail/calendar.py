"""Invitations as iCalendar objects: RFC 5545 for the form, RFC 5546 (iTIP) for what may be in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from icalendar import Alarm, Calendar, Event, vCalAddress, vDuration

PRODID = "-//Rallypoint//E-mail//EN"
ALARM = timedelta(hours=-1)
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NOT_PARAMETER = re.compile(r"[\x00-\x1f\x7f\"]")

Method = Literal["REQUEST", "CANCEL"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in an invitation; ``name`` may be empty."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an entry in a calendar says.

    Args:
        uid: The same for everything that is ever said about one appointment.
        sequence: Greater than in whatever was said before (RFC 5545 §3.8.7.4).
        start: Milliseconds.
        end: Milliseconds; after ``start``.
        organizer: Who sends it, and receives the answers.
        attendees: Who is invited.
    """

    uid: str
    sequence: int
    start: int
    end: int
    summary: str
    description: str
    location: str
    organizer: Person
    attendees: tuple[Person, ...]


def to_ics(invitation: Invitation, method: Method, now: datetime) -> bytes:
    """Return an invitation as ``text/calendar``: lines of 75 bytes at most, ended by ``CRLF``.

    Times are in UTC, so that every calendar shows them in its reader's own zone and none has to trust a
    definition of a zone that travels along. ``REQUEST`` rings an hour before; ``CANCEL`` does not.

    Args:
        invitation: What to say.
        method: ``CANCEL`` takes it back.
        now: Of the message, with a zone.
    """
    event = _event(invitation, now)
    event.add("status", "CONFIRMED" if method == "REQUEST" else "CANCELLED")
    if method == "REQUEST":
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", plain(invitation.summary))
        alarm["trigger"] = vDuration(ALARM)
        event.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _event(invitation: Invitation, now: datetime) -> Event:
    event = Event()
    event.add("uid", invitation.uid)
    event.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", _moment(invitation.start))
    event.add("dtend", _moment(invitation.end))
    event.add("sequence", invitation.sequence)
    event.add("summary", plain(invitation.summary))
    for name, text in (("description", invitation.description), ("location", invitation.location)):
        if text:
            event.add(name, plain(text))
    event.add("organizer", _address(invitation.organizer))
    for person in invitation.attendees:
        event.add("attendee", _attendee(person))
    event.add("transp", "OPAQUE")
    return event


def _attendee(person: Person) -> vCalAddress:
    address = _address(person)
    parts = {"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"}
    address.params.update(parts)
    return address


def _address(person: Person) -> vCalAddress:
    address = vCalAddress(f"mailto:{person.email}")
    name = _NOT_PARAMETER.sub("", person.name).strip()
    if name:
        address.params["CN"] = name
    return address


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC)


def plain(text: str) -> str:
    """Return a text with what RFC 5545 §3.3.11 has no way to write left out, and one kind of line end."""
    return _NOT_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
