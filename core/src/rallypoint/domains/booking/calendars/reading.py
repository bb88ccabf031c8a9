"""What a page of changes means: which events are ours, which are to become appointments, which only take up time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rallypoint.domains.booking.api import ExternalEvent
from rallypoint.domains.booking.calendars.claims import Claim
from rallypoint.domains.booking.calendars.links import link_id
from rallypoint.domains.booking.calendars.mapping import Key, blocks_time, is_to_import, key_of
from rallypoint.storage.database import Database, Row

_ASKED_AT_ONCE = 500
_FEW = 100
_LINKS = "SELECT id, external_id, etag FROM booking_calendar_links WHERE connection_id = ?"


@dataclass
class Plan:
    """What is to be done for a page.

    Args:
        linked: Changed events of appointments, with the id of the link.
        seen: Ids of the links whose events were found.
        adopted: Events that carry our key, of which no link knows yet.
        fresh: Events that are to become appointments, with the id of the link of a cancelled one, if any.
        blocks: Events that take up time.
        nothing: Ids of events that take up none.
    """

    linked: list[tuple[str, ExternalEvent]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    adopted: list[tuple[Key, ExternalEvent]] = field(default_factory=list)
    fresh: list[tuple[ExternalEvent, str]] = field(default_factory=list)
    blocks: list[ExternalEvent] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)

    @property
    def dropped(self) -> list[str]:
        """Ids of events that take up no time, whatever was thought of them first."""
        kept = {event.id for event in self.blocks}
        return [id_ for id_ in self.nothing if id_ not in kept]

    def take_fresh(self, event: ExternalEvent, claim: Claim, now: int, link_id: str = "") -> None:
        """Plan for an event that is no appointment's, or, restored, a cancelled one's."""
        if claim.two_way and is_to_import(event, now):
            self.fresh.append((event, link_id))
        else:
            self.take_foreign(event, now)

    def take_foreign(self, event: ExternalEvent, now: int) -> None:
        """Plan for an event that must not become an appointment: it is somebody else's already."""
        if blocks_time(event, now):
            self.blocks.append(event)
        else:
            self.nothing.append(event.id)


async def plan(database: Database, claim: Claim, found: Iterable[ExternalEvent], now: int) -> Plan:
    """Sort the events of a page; of one that is listed twice the last counts."""
    events = {event.id: event for event in found}
    made = Plan()
    if not events:
        return made
    links = await _links_of(database, claim, events) if claim.has_linked else {}
    keys = {
        event.id: key for event in events.values() if (key := key_of(event.appointment_key, claim.account_id))
    }
    wanting = await _wanting(database, claim, [keys[id_] for id_ in keys.keys() - links.keys()])
    for event in events.values():
        link, key = links.get(event.id), keys.get(event.id)
        if link is not None:
            _take_linked(made, claim, link, event, now)
        elif key is not None and wanting.get(key.appointment_id, True):
            made.adopted.append((key, event))
        else:
            made.take_fresh(event, claim, now)
    return made


def _take_linked(made: Plan, claim: Claim, link: Row, event: ExternalEvent, now: int) -> None:
    made.seen.append(link["id"])
    changed = event.etag != link["etag"] or not event.etag  # else it is as we wrote or saw it
    if claim.two_way and changed:
        made.linked.append((link["id"], event))
    if not claim.two_way and changed and blocks_time(event, now):
        made.blocks.append(event)  # nothing is imported, but where somebody moved it to is taken all the same
    else:
        made.nothing.append(event.id)


async def _links_of(database: Database, claim: Claim, events: Mapping[str, ExternalEvent]) -> dict[str, Row]:
    if len(events) > _FEW:  # most calendars have fewer links than a page has events
        rows = await database.fetch(
            f"{_LINKS} AND external_id IS NOT NULL LIMIT ?", claim.connection_id, _FEW + 1
        )
        if len(rows) <= _FEW:
            return {row["external_id"]: row for row in rows}
    found: dict[str, Row] = {}
    for ids in _batches(list(events)):
        marks = ", ".join("?" * len(ids))
        rows = await database.fetch(f"{_LINKS} AND external_id IN ({marks})", claim.connection_id, *ids)
        found |= {row["external_id"]: row for row in rows}
    return found


async def _wanting(database: Database, claim: Claim, keys: Sequence[Key]) -> dict[int, bool]:
    """Tell of appointments that are linked whether their link has no event yet: one that has makes this a copy."""
    found: dict[int, bool] = {}
    for some in _batches([link_id(claim.connection_id, key.appointment_id) for key in keys]):
        rows = await database.fetch(
            "SELECT appointment_id, external_id FROM booking_calendar_links"  # noqa: S608 - marks alone
            f" WHERE id IN ({', '.join('?' * len(some))})",
            *some,
        )
        found |= {row["appointment_id"]: row["external_id"] is None for row in rows}
    return found


def _batches(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[at : at + _ASKED_AT_ONCE] for at in range(0, len(items), _ASKED_AT_ONCE))
