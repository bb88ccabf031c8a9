"""What Google refuses in an event beyond what its discovery document says.

Each rule is named in the reference of ``events`` (https://developers.google.com/workspace/calendar/api/v3/reference/events).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rallypoint.testing.google.errors import Refusal, invalid
from rallypoint.testing.google.times import check_span

_ID = re.compile(r"[a-v0-9]{5,1024}")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_RECURRENCE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)[:;].+")
_CHOICES = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
}
_MAX_KEY, _MAX_VALUE = 44, 1024


def check_id(event_id: str) -> None:
    """Refuse an id that is not base32hex."""
    if not _ID.fullmatch(event_id):
        raise invalid("Invalid resource id value.")


def check_event(event: Mapping[str, Any]) -> None:
    """Refuse an event that Google refuses; ``event`` is whole, as it would be stored.

    Raises:
        Refusal: The first thing that is wrong.
    """
    check_span(event)
    for name, allowed in _CHOICES.items():
        if event.get(name, allowed[0]) not in allowed:
            raise invalid(f"Invalid value for: {name}")
    _check_attendees(event.get("attendees", []))
    _check_recurrence(event)
    _check_properties(event.get("extendedProperties", {}))
    reminders = event.get("reminders", {})
    if reminders.get("useDefault") and reminders.get("overrides"):
        raise Refusal(
            400,
            "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.",
            domain="calendar",
        )


def _check_attendees(attendees: list[Mapping[str, Any]]) -> None:
    if any(not _ADDRESS.fullmatch(one.get("email", "")) for one in attendees):
        raise invalid("Invalid attendee email.")


def _check_recurrence(event: Mapping[str, Any]) -> None:
    lines = event.get("recurrence", [])
    if any(not _RECURRENCE.fullmatch(line) for line in lines):
        raise invalid("Invalid recurrence rule.")
    if lines and "dateTime" in event["start"] and not event["start"].get("timeZone"):
        raise invalid("Missing time zone definition for start time.")


def _check_properties(properties: Mapping[str, Mapping[str, str]]) -> None:
    for kind in ("private", "shared"):
        for key, value in (properties.get(kind) or {}).items():
            if len(key) > _MAX_KEY or len(value) > _MAX_VALUE:
                raise invalid("Extended property is too long.")
