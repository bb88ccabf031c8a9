"""Rooms that stand for sessions of other services: brought in by plugins, idempotent to the last field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args
from uuid import NAMESPACE_URL, uuid5

from rallypoint.domains.rooms.api import ExternalParticipant, ExternalRoom, RoomStatus, RoomView
from rallypoint.domains.rooms.lifecycle import Lifecycle
from rallypoint.domains.rooms.service import WAKE, find_session
from rallypoint.identity.api import Mode
from rallypoint.jobs.api import Jobs
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id

Stays = Mapping[str, Row]
_COLUMNS = (
    "name",
    "description",
    "room_type",
    "is_public",
    "max_participants",
    "scheduled_start",
    "scheduled_end",
)


class ExternalRooms:
    """Fulfils ``rooms.api.Rooms``.

    Args:
        database: Where rooms are.
        lifecycle: The steps, with their events.
        jobs: Woken when a room's next time is set.
    """

    def __init__(self, database: Database, lifecycle: Lifecycle, jobs: Jobs) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._jobs = jobs

    async def upsert_external(
        self,
        *,
        account_id: str,
        mode: Mode,
        owner_id: str,
        service: str,
        external_id: str,
        room: ExternalRoom,
    ) -> RoomView:
        """See ``rooms.api.Rooms``; an ended room stays as it is."""
        async with self._database.transaction() as tx:
            row = await find_session(tx, account_id, service, external_id)
            if row is None:
                identity = {
                    "id": new_id(),
                    "account_id": account_id,
                    "mode": mode,
                    "created_by": owner_id,
                    "external_service_name": service,
                    "external_service_id": external_id,
                }
                row = await self._lifecycle.create(tx, {**identity, **_columns(room)})
                view = await self.apply(tx, row, service, room, created=True)
            else:
                view = await self.apply(tx, row, service, room)
        return view

    async def find_external(
        self, *, account_id: str, mode: Mode, service: str, external_id: str
    ) -> RoomView | None:
        """See ``rooms.api.Rooms``."""
        row = await self._database.fetch_one(
            "SELECT * FROM rooms WHERE account_id = ? AND external_service_name = ? AND external_service_id = ?",
            account_id,
            service,
            external_id,
        )
        return None if row is None or row["mode"] != mode else _view(row)

    async def apply(
        self, tx: Transaction, row: Row, service: str, room: ExternalRoom, *, created: bool = False
    ) -> RoomView:
        """Make a room be what the session is; the caller holds its row.

        An ended room is history and is left alone.
        """
        if row["status"] == "ended":
            return _view(row)
        stays = await _external_stays(tx, row["id"])
        wanted = {**_columns(room), "max_participants": _capacity(row, room, stays)}
        changes = {name: value for name, value in wanted.items() if row[name] != value}
        changed = tuple(changes)
        if changes:
            row = await self._lifecycle.change(tx, row, changes, None)
        if room.ended:
            row = await self._lifecycle.end(tx, row, None)
            changed += ("status",)
        elif room.participants is not None:
            before = row["seq"]
            row = await self._apply_participants(tx, row, service, room.participants, stays)
            changed += ("participants",) if row["seq"] != before else ()
        if row["next_at"] is not None and (changed or created):
            at = row["next_at"]
            tx.after_commit(lambda: self._jobs.wake_at(at, WAKE))
        return _view(row, changed, created)

    async def _apply_participants(
        self, tx: Transaction, row: Row, service: str, people: tuple[ExternalParticipant, ...], here: Stays
    ) -> Row:
        """Let those leave who are gone, then those come who are new; in this order everybody fits."""
        present = _present(people)
        for external_id, stay in here.items():
            if external_id not in present:
                row = await self._lifecycle.leave(tx, row, stay, stay["user_id"])
        for external_id, person in present.items():
            if external_id not in here:
                row = await self._arrive(tx, row, service, person)
        return row

    async def _arrive(self, tx: Transaction, row: Row, service: str, person: ExternalParticipant) -> Row:
        user_id = person.user_id or person_id(service, person.external_user_id)
        _, after = await self._lifecycle.join(
            tx, row, user_id, {}, joined_at=person.joined_at, external_user_id=person.external_user_id
        )
        return after


async def _external_stays(tx: Transaction, room_id: str) -> Stays:
    """Return the stays under way that came from outside, by the provider's id of the person."""
    rows = await tx.fetch(
        "SELECT * FROM room_participants WHERE room_id = ? AND is_active = ? AND external_user_id IS NOT NULL",
        room_id,
        True,
    )
    return {row["external_user_id"]: row for row in rows}


def _present(people: tuple[ExternalParticipant, ...]) -> dict[str, ExternalParticipant]:
    return {person.external_user_id: person for person in people if person.joined_at is not None}


def _capacity(row: Row, room: ExternalRoom, stays: Stays) -> int:
    """Return how many the room must hold: whoever the provider let in is in, and so is who joined here."""
    ours: int = row["current_participants"] - len(stays)
    theirs = len(stays) if room.participants is None else len(_present(room.participants))
    return max(room.max_participants, ours + theirs)


def person_id(service: str, external_user_id: str) -> str:
    """Return the id that stands for somebody of another service who has no account here; always the same."""
    return str(uuid5(NAMESPACE_URL, f"rallypoint:{service}:{external_user_id}"))


def _columns(room: ExternalRoom) -> Mapping[str, Any]:
    return {**{name: getattr(room, name) for name in _COLUMNS}, "tags": json.dumps(list(room.tags))}


def _view(row: Row, changed: tuple[str, ...] = (), created: bool = False) -> RoomView:
    status = row["status"]
    if status not in get_args(RoomStatus):
        raise ValueError(f"room {row['id']} has the unknown status {status!r}")
    return RoomView(row["id"], status, row["current_participants"], changed, created)
