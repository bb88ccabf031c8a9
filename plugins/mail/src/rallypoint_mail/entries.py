"""What an entry in somebody's calendar should say, from an appointment or from a request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rallypoint.domains.booking.api import AppointmentView
from rallypoint.domains.mailer.api import Email
from rallypoint_mail.calendar import Invitation, Method, Person, to_ics
from rallypoint_mail.letters import Kind, Meeting, appointment_letter
from rallypoint_mail.records import Words
from rallypoint_mail.sender import address_of, name_of
from rallypoint_mail.wording import one_line, web_address, when

ONLINE = "Online"
MAX_DESCRIPTION = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says.

    Args:
        people: Who has it in their calendar, the customer first.
        host: The practitioner's name.
        url: Of the meeting; empty when there is none.
        reason: Why it is cancelled.
    """

    title: str
    description: str
    start: int
    end: int
    timezone: str
    people: tuple[Person, ...]
    host: str = ""
    guest: str = ""
    organisation: str = ""
    url: str = ""
    reason: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of :attr:`people`."""
        return tuple(person.email for person in self.people)

    @property
    def digest(self) -> str:
        """A hash of what makes a difference to its readers."""
        parts = (self.title, self.description, self.start, self.end, self.timezone, self.url, self.addresses)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def entry_of(view: AppointmentView, words: Words, organisation: str, *, copy: bool) -> Entry:
    """Return what an appointment's entry should say.

    The appointment's notes stay where they are: they may hold what is nobody's business in a mailbox.

    Args:
        view: The appointment.
        words: Of a request; what they leave empty is the appointment's.
        organisation: Name of the account.
        copy: Whether the practitioner gets it too.
    """
    guest = Person(words.to or view.customer_email, view.customer_name)
    copied = words.cc or (view.practitioner_email if copy else "")
    host = Person(copied, view.practitioner_name)
    people = (guest, host) if copied and copied.lower() != guest.email.lower() else (guest,)
    return Entry(
        title=words.title or _title(view, organisation),
        description=words.description,
        start=view.start,
        end=view.end,
        timezone=view.timezone,
        people=people if guest.email else (),
        host=view.practitioner_name,
        guest=view.customer_name,
        organisation=organisation,
        url=web_address(view.meeting_url),
        reason=view.reason,
    )


def _title(view: AppointmentView, organisation: str) -> str:
    kind, host = view.session_type or "Appointment", view.practitioner_name or organisation
    return one_line(f"{kind} with {host}" if host else kind)


class Writer:
    """Writes messages about entries.

    Args:
        sender: The ``From`` header, who is also the organizer: answers to invitations come back to it.
    """

    def __init__(self, sender: str) -> None:
        self._sender = sender

    def write(
        self, kind: Kind, entry: Entry, *, uid: str, sequence: int, to: Sequence[str], now: int
    ) -> Email:
        """Return the message that puts an entry into calendars, or takes it out of them.

        Args:
            kind: ``cancellation`` takes it out.
            entry: What it says.
            uid: The entry's.
            sequence: Of this word.
            to: Who gets it; the first one visibly, the others as copies.
            now: Milliseconds.
        """
        letter = appointment_letter(kind, _meeting(entry))
        method: Method = "CANCEL" if kind == "cancellation" else "REQUEST"
        return Email(
            to=tuple(to[:1]),
            cc=tuple(to[1:]),
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            reply_to=next((each for each in entry.addresses[1:] if each not in to[:1]), ""),
            calendar=to_ics(self._invitation(method, entry, uid, sequence, to), method, _at(now)),
            calendar_method=method,
        )

    def _invitation(
        self, method: Method, entry: Entry, uid: str, sequence: int, to: Sequence[str]
    ) -> Invitation:
        """Return the object; one that takes back names those alone from whom (RFC 5546 §3.2.5)."""
        known = {person.email: person for person in entry.people}
        organizer = Person(address_of(self._sender), name_of(self._sender) or entry.organisation)
        description = "\n\n".join(text for text in (entry.description, entry.url) if text)
        return Invitation(
            uid=uid,
            sequence=sequence,
            start=entry.start,
            end=entry.end,
            summary=entry.title,
            description=description,
            location=entry.url or ONLINE,
            organizer=organizer,
            attendees=entry.people
            if method == "REQUEST"
            else tuple(known.get(each, Person(each)) for each in to),
        )


def _meeting(entry: Entry) -> Meeting:
    return Meeting(
        title=entry.title,
        when=when(entry.start, entry.end, entry.timezone),
        host=entry.host,
        guest=entry.guest,
        organisation=entry.organisation,
        description=entry.description,
        location="" if entry.url else ONLINE,
        url=entry.url,
        reason=entry.reason,
    )


def _at(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC)
