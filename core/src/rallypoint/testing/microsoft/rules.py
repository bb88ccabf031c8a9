"""What Graph takes for an event, and what it refuses.

https://learn.microsoft.com/graph/api/resources/event
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rallypoint.testing.microsoft.errors import Refusal, invalid
from rallypoint.testing.microsoft.times import is_midnight, moment_of

_ENUMS = {
    "showAs": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "importance": ("low", "normal", "high"),
    "onlineMeetingProvider": ("unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer"),
}
_TEXTS = ("subject", "transactionId")
_FLAGS = ("isAllDay", "isOnlineMeeting", "isReminderOn", "responseRequested", "hideAttendees")
_PARTS = ("body", "start", "end", "attendees", "location", "locations", "recurrence", "categories")
_OTHERS = (
    "singleValueExtendedProperties",
    "reminderMinutesBeforeStart",
    "allowNewTimeProposals",
    "@odata.type",
)
_PROPERTY = re.compile(
    r"(String|Integer|Boolean) (\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\} (Name .+|Id 0x[0-9A-F]+)"
    r"|0x[0-9A-F]{3,4})"
)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_SUBJECT = 255


def check_event(body: Mapping[str, Any], *, new: bool) -> None:
    """Refuse a body that Graph would refuse.

    Args:
        body: As sent.
        new: Whether an event is to be made of it; else one is changed.

    Raises:
        Refusal: The first thing that is wrong.
    """
    _check_names(body)
    _check_plain(body)
    if new and not ("start" in body and "end" in body):
        raise invalid("Required property 'start' or 'end' is missing.", "ErrorPropertyValidationFailure")
    if not new and "transactionId" in body:
        raise invalid("The property 'transactionId' cannot be changed.", "ErrorInvalidPropertySet")
    for person in body.get("attendees") or ():
        _check_attendee(person)
    for extended in body.get("singleValueExtendedProperties") or ():
        if not _PROPERTY.fullmatch(str(extended.get("id"))) or not isinstance(extended.get("value"), str):
            raise invalid("The extended property is not valid.", "ErrorInvalidProperty")


def check_times(start: Mapping[str, Any], end: Mapping[str, Any], *, all_day: bool) -> None:
    """Refuse times that no event can have.

    Raises:
        Refusal: They are the wrong way round, or those of an all-day event are not midnights.
    """
    begins, ends = moment_of(start, "Start"), moment_of(end, "End")
    if ends < begins:
        raise invalid("End is earlier than start.", "ErrorCalendarEndDateIsEarlierThanStartDate")
    if all_day and not (is_midnight(start) and is_midnight(end) and ends > begins):
        raise invalid("The Event.Start property for an all-day event needs to be set to midnight.")


def _check_names(body: Mapping[str, Any]) -> None:
    known = {*_ENUMS, *_TEXTS, *_FLAGS, *_PARTS, *_OTHERS}
    for name in body:
        if name not in known:
            raise invalid(
                f"The property '{name}' does not exist on type 'microsoft.graph.event', or is read-only."
            )


def _check_plain(body: Mapping[str, Any]) -> None:
    for name, values in _ENUMS.items():
        if name in body and body[name] not in values:
            raise invalid(f"'{body[name]}' is no {name}.", "RequestBodyRead")
    wrong = [name for name in _TEXTS if not isinstance(body.get(name, ""), str)]
    wrong += [name for name in _FLAGS if not isinstance(body.get(name, False), bool)]
    text = body.get("body", {"contentType": "text", "content": ""})
    if not isinstance(text, Mapping) or str(text.get("contentType")).lower() not in ("text", "html"):
        wrong.append("body")
    if len(str(body.get("subject", ""))) > _LONGEST_SUBJECT:
        wrong.append("subject")
    if wrong:
        raise invalid(f"Cannot read the property '{wrong[0]}'.", "RequestBodyRead")


def _check_attendee(person: Any) -> None:
    mail = person.get("emailAddress") if isinstance(person, Mapping) else None
    if not isinstance(mail, Mapping) or not _ADDRESS.fullmatch(str(mail.get("address"))):
        raise Refusal(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
    if person.get("type", "required") not in ("required", "optional", "resource"):
        raise invalid("The type of an attendee is not valid.", "RequestBodyRead")
