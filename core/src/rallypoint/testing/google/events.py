"""One user's calendar: its events, and the order in which they changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rallypoint.testing.google import rules
from rallypoint.testing.google.errors import Refusal, invalid
from rallypoint.testing.google.instances import expand
from rallypoint.testing.google.times import shown

_KEPT = ("id", "created", "creator", "organizer", "iCalUID", "htmlLink", "kind")
_TIMED = ("start", "end", "status", "recurrence")
Resource = dict[str, Any]


class Calendar:
    """A user's primary calendar.

    Args:
        email: The user's address, which is also the calendar's id.
        time_zone: IANA.
        changed: Called after every change.

    Attributes:
        events: By id, deleted ones too.
        generation: Grows when old sync tokens expire.
    """

    def __init__(
        self, email: str, time_zone: str = "UTC", changed: Callable[[Calendar], None] = lambda _calendar: None
    ) -> None:
        self.email = email
        self.time_zone = time_zone
        self.events: dict[str, Resource] = {}
        self.generation = 1
        self._changed = changed
        self._log: list[str] = []  # the event of each change
        self._latest: dict[str, int] = {}  # the last change of each event
        self._series: dict[str, set[str]] = {}  # instances of each recurring event
        self._last_us = 0

    @property
    def high(self) -> int:
        """The number of the latest change."""
        return len(self._log)

    def since(self, number: int, until: int) -> Iterator[tuple[int, Resource]]:
        """Yield what changed last after ``number`` and not after ``until``, with the change's number."""
        for at in range(number, min(until, len(self._log))):
            if self._latest[self._log[at]] == at + 1:
                yield at + 1, self.events[self._log[at]]

    def is_plain_instance(self, event: Resource) -> bool:
        """Tell whether an event is an instance that nobody changed, which only ``singleEvents`` shows."""
        return event["id"] in self._series.get(event.get("recurringEventId", ""), ())

    def get(self, event_id: str) -> Resource:
        """Return an event, a deleted one too.

        Raises:
            Refusal: 404.
        """
        try:
            return self.events[event_id]
        except KeyError:
            raise Refusal(404, "notFound", "Not Found") from None

    def insert(self, body: Mapping[str, Any], *, organizer: str = "") -> Resource:
        """Make an event.

        Args:
            body: As sent.
            organizer: Somebody else's address, for an invitation.

        Raises:
            Refusal: It is not valid, or its id is taken (409).
        """
        event_id = body.get("id") or secrets.token_hex(13)
        rules.check_id(event_id)
        if event_id in self.events:
            raise Refusal(409, "duplicate", "The requested identifier already exists.")
        owner = organizer or self.email
        person = {"email": owner} if organizer else {"email": owner, "self": True}
        fixed = {
            "kind": "calendar#event",
            "id": event_id,
            "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
            "created": self._now()[0],
            "creator": person,
            "organizer": person,
            "iCalUID": body.get("iCalUID") or f"{event_id}@google.com",
        }
        return self._write({"sequence": 0, **_sent(body), **fixed})

    def replace(self, event_id: str, body: Mapping[str, Any], if_match: str | None = None) -> Resource:
        """Put a whole event in the place of another; one that was deleted comes back.

        Raises:
            Refusal: It is not valid, unknown, or was changed since (412).
        """
        before = self.get(event_id)
        _check_match(before, if_match)
        kept = {name: before[name] for name in _KEPT if name in before}
        return self._change(before, {"status": "confirmed", **_sent(body), **kept})

    def merge(self, event_id: str, body: Mapping[str, Any], if_match: str | None = None) -> Resource:
        """Change parts of an event; null takes a part away.

        Raises:
            Refusal: As :meth:`replace`.
        """
        before = self.get(event_id)
        _check_match(before, if_match)
        kept = {name: before[name] for name in _KEPT if name in before}
        return self._change(before, {**_merged(before, body), **kept})

    def delete(self, event_id: str, if_match: str | None = None) -> None:
        """Delete an event, and the instances of a recurring one.

        Raises:
            Refusal: 404, 410 when it is deleted already, 412 when it was changed since.
        """
        event = self.get(event_id)
        if event["status"] == "cancelled":
            raise Refusal(410, "deleted", "Resource has been deleted")
        _check_match(event, if_match)
        self._series.get(event.get("recurringEventId", ""), set()).discard(event_id)
        for one in [event_id, *self._series.pop(event_id, ())]:
            self._keep({**self.events[one], "status": "cancelled"})
        self._changed(self)

    def expire_sync_tokens(self) -> None:
        """Refuse every sync token handed out so far (410)."""
        self.generation += 1

    def _change(self, before: Resource, after: Resource) -> Resource:
        given = after.pop("sequence", None)
        if given is not None and given < before["sequence"]:
            raise invalid("Invalid sequence value. The specified sequence number is below the current one.")
        timed = any(before.get(name) != after.get(name) for name in _TIMED)
        return self._write({**after, "sequence": max(given or 0, before["sequence"] + timed)})

    def _write(self, event: Resource) -> Resource:
        rules.check_event(event)
        whole = {"status": "confirmed", "reminders": {"useDefault": True}, "eventType": "default", **event}
        whole |= {part: shown(event[part], self.time_zone) for part in ("start", "end")}
        fresh = list(expand(whole, self.time_zone)) if whole.get("recurrence") else []
        written = self._keep(whole)
        self._series.get(written.get("recurringEventId", ""), set()).discard(written["id"])
        self._expand(written["id"], fresh)
        self._changed(self)
        return written

    def _expand(self, master_id: str, fresh: list[Resource]) -> None:
        """Write the instances of a recurring event; those that somebody changed by hand stay as they are."""
        before = self._series.pop(master_id, set())
        now = [one for one in fresh if one["id"] in before or one["id"] not in self.events]
        for one in now:
            self._keep(one)
        for gone in before - {one["id"] for one in now}:
            self._keep({**self.events[gone], "status": "cancelled"})
        if now:
            self._series[master_id] = {one["id"] for one in now}

    def _keep(self, event: Resource) -> Resource:
        updated, etag = self._now()
        kept = {**event, "updated": updated, "etag": etag}
        self.events[kept["id"]] = kept
        self._log.append(kept["id"])
        self._latest[kept["id"]] = self.high
        return kept

    def _now(self) -> tuple[str, str]:
        """Return the time and an etag made of it, as Google's are; both grow with every change."""
        self._last_us = max(time.time_ns() // 1_000, self._last_us + 1)
        at = datetime.fromtimestamp(self._last_us / 1_000_000, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), f'"{self._last_us * 2}"'


def _sent(body: Mapping[str, Any]) -> Resource:
    """Return what a client may set of what it sent."""
    ours = ("etag", "updated", "hangoutLink", "recurringEventId", "originalStartTime", *_KEPT)
    return {name: value for name, value in body.items() if name not in ours and value is not None}


def _merged(before: Mapping[str, Any], body: Mapping[str, Any]) -> Resource:
    after = dict(before)
    for name, value in body.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict) and isinstance(after.get(name), dict):
            after[name] = _merged(after[name], value)
        else:
            after[name] = value
    return after


def _check_match(event: Resource, if_match: str | None) -> None:
    if if_match not in (None, "*", event["etag"]):
        raise Refusal(412, "conditionNotMet", "Precondition Failed", location="If-Match")
