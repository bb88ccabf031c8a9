"""One user's calendar: its events, and the order in which they changed."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rallypoint.testing.microsoft import rules
from rallypoint.testing.microsoft.errors import Refusal, not_found
from rallypoint.testing.microsoft.recurrence import occurrences
from rallypoint.testing.microsoft.times import moment_of, shown

Resource = dict[str, Any]


class Calendar:
    """A user's default calendar. What a test calls on it is what the user does in Outlook.

    Args:
        email: The user's address.
        changed: Called after every change with the event and ``created``, ``updated`` or ``deleted``.

    Attributes:
        events: By id, deleted ones not.
        generation: Grows when old delta links are forgotten.
        has_teams: Whether the account has Teams meetings.
        teams_after: How often a meeting is looked at before its link is there.
    """

    def __init__(
        self, email: str, changed: Callable[[Calendar, Resource, str], None] = lambda *_change: None
    ) -> None:
        self.email = email
        self.events: dict[str, Resource] = {}
        self.generation = 1
        self.has_teams = True
        self.teams_after = 0
        self.log: list[str] = []  # the event of each change
        self._changed = changed
        self._orders: dict[str, tuple[Resource, str]] = {}  # what was ordered with each transactionId
        self._last = datetime.fromtimestamp(0, UTC)

    def get(self, event_id: str) -> Resource:
        """Return an event.

        Raises:
            Refusal: 404; a deleted one has another id in another folder.
        """
        if event_id not in self.events:
            raise not_found()
        return self.events[event_id]

    def insert(self, body: Mapping[str, Any], *, organizer: str = "") -> Resource:
        """Make an event, or return the one that the same order made before.

        Args:
            body: As sent.
            organizer: Somebody else's address, for an invitation.

        Raises:
            Refusal: It is not valid, or its ``transactionId`` was used for another order (409).
        """
        rules.check_event(body, new=True)
        rules.check_times(body["start"], body["end"], all_day=bool(body.get("isAllDay")))
        if (made := self._ordered(body)) is not None:
            return made
        event = self._keep(self._fresh(body, organizer), "created")
        if "transactionId" in body:
            self._orders[body["transactionId"]] = (dict(body), event["id"])
        for one in occurrences(event) if event["recurrence"] else ():
            self._keep({**one, "id": _id(), "seriesMasterId": event["id"], "type": "occurrence"}, "created")
        return event

    def merge(self, event_id: str, body: Mapping[str, Any], if_match: str | None = None) -> Resource:
        """Change parts of an event.

        Raises:
            Refusal: It is not valid, unknown, or was changed since (412).
        """
        before = self.get(event_id)
        _check_match(before, if_match)
        rules.check_event(body, new=False)
        if before["type"] == "seriesMaster" and {"start", "end", "recurrence"} & set(body):
            raise Refusal(501, "NotImplemented", "The fake moves series by their occurrences alone.")
        start, end = body.get("start", before["start"]), body.get("end", before["end"])
        rules.check_times(start, end, all_day=bool(body.get("isAllDay", before["isAllDay"])))
        zones = {"originalStartTimeZone": start["timeZone"], "originalEndTimeZone": end["timeZone"]}
        after = {**before, **body, **(zones if "start" in body else {})}
        if before["type"] == "occurrence":
            after["type"] = "exception"
        return self._keep(after, "updated")

    def delete(self, event_id: str) -> None:
        """Delete an event, and the occurrences of a series.

        Raises:
            Refusal: 404.
        """
        self.get(event_id)
        members = [one["id"] for one in self.events.values() if one.get("seriesMasterId") == event_id]
        for one in [event_id, *members]:
            event = self.events.pop(one)
            self.log.append(one)
            self._changed(self, event, "deleted")

    def forget(self) -> None:
        """Refuse every delta link handed out so far (410)."""
        self.generation += 1

    def move(self, event_id: str, by: timedelta) -> Resource:
        """Move an event."""
        event = self.get(event_id)
        zone = event["start"]["timeZone"]
        begins, ends = moment_of(event["start"], "Start") + by, moment_of(event["end"], "End") + by
        return self.merge(event_id, {"start": shown(begins, zone), "end": shown(ends, zone)})

    def _ordered(self, body: Mapping[str, Any]) -> Resource | None:
        order, made = self._orders.get(body.get("transactionId", ""), ({}, ""))
        if made not in self.events:
            return None
        if order != dict(body):
            text = "The TransactionId specified in the request has already been used to create a different event."
            raise Refusal(409, "ErrorDuplicateTransactionId", text)
        return self.events[made]

    def _fresh(self, body: Mapping[str, Any], organizer: str) -> Resource:
        host = {"emailAddress": {"name": organizer or self.email, "address": organizer or self.email}}
        response = "notResponded" if organizer else "organizer"
        online = bool(body.get("isOnlineMeeting")) and self.has_teams
        return {
            "subject": "",
            "body": {"contentType": "html", "content": ""},
            "attendees": [],
            "isAllDay": False,
            "isCancelled": False,
            "showAs": "busy",
            "transactionId": None,
            "recurrence": None,
            "onlineMeetingProvider": "unknown",
            **{name: value for name, value in body.items() if name != "@odata.type"},
            "id": _id(),
            "type": "seriesMaster" if body.get("recurrence") else "singleInstance",
            "seriesMasterId": None,
            "isOrganizer": not organizer,
            "organizer": host,
            "responseStatus": {"response": response, "time": "0001-01-01T00:00:00Z"},
            "originalStartTimeZone": body["start"]["timeZone"],
            "originalEndTimeZone": body["end"]["timeZone"],
            "iCalUId": secrets.token_hex(56).upper(),
            "isOnlineMeeting": online,
            "onlineMeeting": _meeting() if online else None,
            "_looks": self.teams_after,
            "_created": self._now(),
        }

    def _keep(self, event: Resource, change: str) -> Resource:
        kept = {**event, "changeKey": secrets.token_urlsafe(16) + "==", "_updated": self._now()}
        self.events[kept["id"]] = kept
        self.log.append(kept["id"])
        self._changed(self, kept, change)
        return kept

    def _now(self) -> datetime:
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last


def etag_of(event: Mapping[str, Any]) -> str:
    """Return an event's etag, made of its change key as Graph's are."""
    return f'W/"{event["changeKey"]}"'


def _check_match(event: Resource, if_match: str | None) -> None:
    if if_match not in (None, "*", etag_of(event)):
        raise Refusal(
            412, "ErrorIrresolvableConflict", "The send or update operation could not be performed."
        )


def _id() -> str:
    return "AAMk" + base64.urlsafe_b64encode(secrets.token_bytes(110)).decode()


def _meeting() -> Resource:
    thread = f"19%3ameeting_{secrets.token_hex(16)}%40thread.v2"
    url = f"https://teams.microsoft.com/l/meetup-join/{thread}/0"
    return {"joinUrl": url, "conferenceId": "177813991", "tollNumber": "+1 425-555-0101"}
