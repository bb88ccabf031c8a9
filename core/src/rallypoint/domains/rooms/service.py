"""Rooms as the API's callers see them: who may see and change what, and what a change means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rallypoint.domains.rooms.access import lock_own, may_see, not_found, require_owner
from rallypoint.domains.rooms.lifecycle import Lifecycle, require_live
from rallypoint.domains.rooms.records import (
    Document,
    room_document,
)
from rallypoint.domains.rooms.schemas import ChangeRoom, CreateRoom, RoomFilter, check_times
from rallypoint.domains.rooms.targets import point
from rallypoint.errors import BadRequest, ValidationFailed
from rallypoint.identity.api import Principal
from rallypoint.jobs.api import Jobs
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import is_id, new_id
from rallypoint.webhooks.targets import Targets

_ORDER = ("scheduled", "active", "ended")
WAKE = "rooms.timetable"


class RoomService:
    """Everything ``/api/v1/rooms`` does but integrations.

    Args:
        database: Where rooms are.
        lifecycle: The steps, with their events.
        targets: Webhook targets.
        jobs: Woken when a room's next time is set.
    """

    def __init__(self, database: Database, lifecycle: Lifecycle, targets: Targets, jobs: Jobs) -> None:
        self._database = database
        self.lifecycle = lifecycle
        self._targets = targets
        self._jobs = jobs

    async def get(self, principal: Principal, room_id: str) -> Row:
        """Return a room that the caller may see.

        Raises:
            NotFound: There is none.
        """
        if not is_id(room_id):
            raise not_found()
        room = await self._database.fetch_one("SELECT * FROM rooms WHERE id = ?", room_id)
        if room is None or not may_see(principal, room):
            raise not_found()
        return room

    async def page(self, principal: Principal, query: RoomFilter) -> tuple[list[Document], str | None]:
        """Return a page of the rooms that the caller may see, newest first, and the cursor of the next."""
        if query.after is not None and not is_id(query.after):
            raise ValidationFailed({"after": ["is not a cursor of ours"]})
        where, args = _list_condition(query)
        branch = (
            f"SELECT * FROM (SELECT * FROM rooms WHERE audience = ?{where} ORDER BY id DESC LIMIT ?) AS page"  # noqa: S608
        )
        chosen = _audiences(principal, query.is_public)
        sql = " UNION ALL ".join([branch] * len(chosen)) + " ORDER BY id DESC LIMIT ?"
        values = [value for audience in chosen for value in (audience, *args, query.limit + 1)]
        rows = await self._database.fetch(sql, *values, query.limit + 1)
        page = rows[: query.limit]
        more = len(rows) > query.limit
        return [room_document(row) for row in page], page[-1]["id"] if more else None

    async def create(self, principal: Principal, body: CreateRoom) -> tuple[Document, str | None, bool]:
        """Create a room, or update the account's room of the same external session.

        Returns:
            The room, the secret of its new webhook target if it has one, and whether the room is new.
        """
        if body.webhook_url is not None:
            self._targets.check_url(body.webhook_url)
        async with self._database.transaction() as tx:
            existing = await self._same_session(tx, principal, body)
            if existing is not None:
                require_owner(principal, existing)
                changes = body.model_dump(
                    include=body.model_fields_set - {"external_service_id", "external_service_name"}
                )
                room, secret = await self._change(tx, existing, changes, principal.user_id)
                return room_document(room), secret, False
            return (*await self._insert(tx, principal, body), True)

    async def change(
        self, principal: Principal, room_id: str, body: ChangeRoom
    ) -> tuple[Document, str | None]:
        """Change what the body names; ``status: ended`` ends the room.

        Raises:
            NotFound: There is no such room for the caller.
            Forbidden: It is not the caller's to change.
            BadRequest: It has ended, or the change contradicts what the room is.
        """
        given = body.given()
        if given.get("webhook_url") is not None:
            self._targets.check_url(given["webhook_url"])
        async with self._database.transaction() as tx:
            room = await lock_own(tx, principal, room_id)
            require_live(room)
            room, secret = await self._change(tx, room, given, principal.user_id)
        return room_document(room), secret

    async def end(self, principal: Principal, room_id: str) -> None:
        """End a room; ending it twice changes nothing."""
        async with self._database.transaction() as tx:
            room = await lock_own(tx, principal, room_id)
            await self.lifecycle.end(tx, room, principal.user_id)

    async def _same_session(self, tx: Transaction, principal: Principal, body: CreateRoom) -> Row | None:
        if body.external_service_id is None:
            return None
        room = await find_session(
            tx, principal.account_id, str(body.external_service_name), body.external_service_id
        )
        if room is not None:
            require_live(room)
        return room

    async def _insert(
        self, tx: Transaction, principal: Principal, body: CreateRoom
    ) -> tuple[Document, str | None]:
        room_id, secret = new_id(), None
        columns = {
            **body.model_dump(exclude={"webhook_url", "tags", "description"}),
            "id": room_id,
            "account_id": principal.account_id,
            "mode": principal.mode,
            "created_by": principal.user_id,
            "description": body.description or "",
            "tags": json.dumps(body.tags),
        }
        if body.webhook_url is not None:
            columns["target_id"], secret = await point(
                self._targets, tx, columns, None, body.webhook_url, principal.user_id
            )
        room = await self.lifecycle.create(tx, columns)
        self._wake_for(tx, room)
        return room_document(room), secret

    async def _change(
        self, tx: Transaction, room: Row, given: Mapping[str, Any], actor_id: str
    ) -> tuple[Row, str | None]:
        changes, secret = dict(given), None
        if "webhook_url" in changes:
            url = changes.pop("webhook_url")
            changes["target_id"], secret = await point(
                self._targets, tx, room, room["target_id"], url, actor_id
            )
        if "tags" in changes:
            changes["tags"] = json.dumps(changes["tags"])
        if "description" in changes:
            changes["description"] = changes["description"] or ""
        ends = changes.get("status") == "ended"
        if ends:
            del changes["status"]
        changes = {name: value for name, value in changes.items() if room[name] != value}
        _check_change(room, changes)
        if changes:
            room = await self.lifecycle.change(tx, room, changes, actor_id)
            self._wake_for(tx, room)
        if ends:
            room = await self.lifecycle.end(tx, room, actor_id)
        return room, secret

    def _wake_for(self, tx: Transaction, room: Row) -> None:
        at = room["next_at"]
        if at is not None:
            tx.after_commit(lambda: self._jobs.wake_at(at, WAKE))


async def find_session(tx: Transaction, account_id: str, service: str, external_id: str) -> Row | None:
    """Return the account's room of an external session, held until the transaction ends.

    The session itself is held too, so that of two who find no room one makes it and the other finds it then.
    """
    await tx.hold(f"rooms/{account_id}/{service}/{external_id}")
    return await tx.lock(
        "SELECT * FROM rooms WHERE account_id = ? AND external_service_name = ? AND external_service_id = ?",
        account_id,
        service,
        external_id,
    )


def _audiences(principal: Principal, is_public: bool | None) -> list[str]:
    if is_public is None:
        return [principal.mode, principal.account_id]
    return [principal.mode if is_public else principal.account_id]


def _list_condition(query: RoomFilter) -> tuple[str, list[Any]]:
    where = ""
    args: list[Any] = []
    if query.type is not None:
        where, args = " AND room_type = ?", [query.type]
    if query.status is None:
        where, args = f"{where} AND is_live = ?", [*args, True]
    else:
        where, args = f"{where} AND status = ?", [*args, query.status]
    if query.after is not None:
        where, args = f"{where} AND id < ?", [*args, query.after]
    return where, args


def _check_change(room: Row, changes: Mapping[str, Any]) -> None:
    if "status" in changes and _ORDER.index(changes["status"]) < _ORDER.index(room["status"]):
        raise BadRequest(
            f"A room that is {room['status']} cannot become {changes['status']}", code="INVALID_STATUS"
        )
    if changes.get("max_participants", room["max_participants"]) < room["current_participants"]:
        raise ValidationFailed(
            {"max_participants": [f"is below the {room['current_participants']} who are in the room"]}
        )
    try:
        check_times(
            changes.get("scheduled_start", room["scheduled_start"]),
            changes.get("scheduled_end", room["scheduled_end"]),
        )
    except ValueError as error:
        raise ValidationFailed({"scheduled_end": [str(error)]}) from None
