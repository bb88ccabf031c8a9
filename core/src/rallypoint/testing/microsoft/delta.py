"""Changes in a calendar view: a round of pages, then a link for the next round.

https://learn.microsoft.com/graph/delta-query-events
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from rallypoint.testing.microsoft.errors import Refusal, invalid
from rallypoint.testing.microsoft.events import Calendar
from rallypoint.testing.microsoft.view import Preferences, in_delta, span

_NOT_SUPPORTED = ("$select", "$filter", "$orderby", "$expand", "$search", "$top", "$skip")


@dataclass(frozen=True, slots=True)
class Round:
    """Where a client stands.

    Args:
        generation: Of the calendar, when it began.
        starts, ends: Of the view.
        ids: What is left to be listed in this round.
        since: The changes that were told before.
    """

    generation: int
    starts: datetime
    ends: datetime
    ids: tuple[str, ...] = ()
    since: int = 0


@dataclass(slots=True)
class Deltas:
    """The links that were handed out, of all calendars."""

    rounds: dict[str, Round] = field(default_factory=dict)

    def page(
        self, calendar: Calendar, query: dict[str, str], wanted: Preferences, url: str
    ) -> dict[str, Any]:
        """Return a page.

        Args:
            calendar: Whose changes.
            query: Of the request: the view's times, or a token.
            wanted: Size and form.
            url: Of the delta function, for the links.

        Raises:
            Refusal: A parameter is wrong, or the token is forgotten (410).
        """
        place = self._place(calendar, query)
        listed, rest = place.ids[: wanted.page_size], place.ids[wanted.page_size :]
        value = [self._item(calendar, place, event_id, wanted) for event_id in listed]
        kind = "nextLink" if rest else "deltaLink"
        token = secrets.token_urlsafe(24)
        self.rounds[token] = replace(place, ids=rest)
        name = "$skiptoken" if rest else "$deltatoken"
        return {
            "@odata.context": f"{url}#Collection(event)",
            f"@odata.{kind}": f"{url}?{name}={token}",
            "value": value,
        }

    def _place(self, calendar: Calendar, query: dict[str, str]) -> Round:
        for name in _NOT_SUPPORTED:
            if name in query:
                raise invalid(f"The {name} query parameter is not supported with change tracking.")
        token = query.get("$skiptoken") or query.get("$deltatoken")
        if token is None:
            return self._begun(calendar, query)
        place = self.rounds.get(token)
        if place is None or place.generation != calendar.generation:
            raise Refusal(410, "SyncStateNotFound", "The sync state generation is not found; please restart.")
        if place.ids or "$skiptoken" in query:
            return place
        changed = dict.fromkeys(calendar.log[place.since :])
        return replace(place, ids=tuple(changed), since=len(calendar.log))

    def _begun(self, calendar: Calendar, query: dict[str, str]) -> Round:
        if set(query) != {"startDateTime", "endDateTime"}:
            raise invalid("This request requires a time window specified by StartDateTime and EndDateTime.")
        try:
            starts, ends = (_utc(query[name]) for name in ("startDateTime", "endDateTime"))
        except ValueError:
            raise invalid("The time window is not valid.") from None
        begun = Round(calendar.generation, starts, ends, since=len(calendar.log))
        inside = tuple(one for one, event in calendar.events.items() if _is_in(event, begun))
        return replace(begun, ids=inside)

    def _item(self, calendar: Calendar, place: Round, event_id: str, wanted: Preferences) -> dict[str, Any]:
        event = calendar.events.get(event_id)
        if event is None or not _is_in(event, place):  # what is outside counts as removed
            kind = "#microsoft.graph.event"
            return {"@odata.type": kind, "id": event_id, "@removed": {"reason": "deleted"}}
        return in_delta(event, wanted)


def _is_in(event: dict[str, Any], place: Round) -> bool:
    begins, ends = span(event)
    return begins < place.ends and ends > place.starts


def _utc(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
