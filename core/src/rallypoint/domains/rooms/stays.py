"""Joining and leaving, as the API's callers do it."""

from __future__ import annotations

from rallypoint.domains.rooms.access import lock_visible
from rallypoint.domains.rooms.lifecycle import Lifecycle, require_live
from rallypoint.domains.rooms.records import Document, participant_document
from rallypoint.domains.rooms.schemas import JoinRoom
from rallypoint.domains.rooms.service import RoomService
from rallypoint.errors import NotFound
from rallypoint.identity.api import Principal
from rallypoint.storage.database import Database, Row, Transaction


class StayService:
    """Who is in which room.

    Args:
        database: Where stays are.
        lifecycle: The steps, with their events.
        rooms: Decides who may see what.
    """

    def __init__(self, database: Database, lifecycle: Lifecycle, rooms: RoomService) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._rooms = rooms

    async def join(self, principal: Principal, room_id: str, body: JoinRoom) -> tuple[Document, bool]:
        """Begin a stay, or update the flags of the one under way; the second value says which."""
        async with self._database.transaction() as tx:
            room = await lock_visible(tx, principal, room_id)
            require_live(room)
            stay = await _active_stay(tx, room_id, principal.user_id)
            if stay is None:
                stay, _ = await self._lifecycle.join(tx, room, principal.user_id, body.model_dump())
                return participant_document(stay), True
            stay = await self._lifecycle.change_flags(
                tx, room, stay, body.model_dump(include=body.model_fields_set)
            )
        return participant_document(stay), False

    async def leave(self, principal: Principal, room_id: str) -> None:
        """End the caller's stay.

        Raises:
            NotFound: The caller is not in the room.
        """
        async with self._database.transaction() as tx:
            room = await lock_visible(tx, principal, room_id)
            stay = await _active_stay(tx, room_id, principal.user_id)
            if stay is None:
                raise NotFound("You are not in this room", code="NOT_IN_ROOM")
            await self._lifecycle.leave(tx, room, stay, principal.user_id)

    async def participants(self, principal: Principal, room_id: str) -> list[Document]:
        """Return who is in a room, first come first."""
        await self._rooms.get(principal, room_id)
        rows = await self._database.fetch(
            "SELECT * FROM room_participants WHERE room_id = ? AND is_active = ? ORDER BY id", room_id, True
        )
        return [participant_document(row) for row in rows]


async def _active_stay(tx: Transaction, room_id: str, user_id: str) -> Row | None:
    return await tx.fetch_one(
        "SELECT * FROM room_participants WHERE room_id = ? AND is_active = ? AND user_id = ?",
        room_id,
        True,
        user_id,
    )
