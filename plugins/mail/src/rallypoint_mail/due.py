"""Which messages are due, given how an appointment stands and what was said of it last."""

from __future__ import annotations

from dataclasses import dataclass

from rallypoint.domains.booking.api import AppointmentView
from rallypoint_mail.entries import Entry
from rallypoint_mail.letters import Kind
from rallypoint_mail.records import Told


@dataclass(frozen=True, slots=True)
class Say:
    """A message that is due."""

    kind: Kind
    to: tuple[str, ...]


def due(view: AppointmentView, entry: Entry, told: Told, *, now: int) -> list[Say]:
    """Return what has to be said.

    Args:
        view: The appointment.
        entry: What people's calendars should say of it.
        told: What was said last.
        now: Milliseconds; nobody is invited to what is over.
    """
    if view.status == "completed":
        return []
    if view.status == "cancelled" or not entry.people:
        return [Say("cancellation", told.to)] if told.to else []
    if not told.to:
        return [Say("invitation", entry.addresses)] if view.end > now else []
    if told.digest == entry.digest:
        return []
    kept = tuple(each for each in entry.addresses if each in told.to)
    added = tuple(each for each in entry.addresses if each not in told.to)
    says = [Say("change", kept), Say("invitation", added)]
    return [*(say for say in says if say.to), *removed(entry, told)]


def removed(entry: Entry, told: Told) -> list[Say]:
    """Return the message to those who are no longer invited."""
    gone = tuple(each for each in told.to if each not in entry.addresses)
    return [Say("cancellation", gone)] if gone else []
