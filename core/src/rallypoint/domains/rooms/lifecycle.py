"""The steps a room's life is made of, each inside the caller's transaction and each telling of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from rallypoint.domains.rooms.records import room_event, update_room
from rallypoint.errors import BadRequest, Forbidden
from rallypoint.events.outbox import Outbox
from rallypoint.storage import clock
from rallypoint.storage.database import Row, Transaction
from rallypoint.storage.ids import new_id


def next_at(status: str, start: int | None, end: int | None) -> int | None:
    """Return when a room changes by itself next (ms), or None."""
    return {"scheduled": start, "active": end}.get(status)


class Lifecycle:
    """Changes of rooms and stays.

    Args:
        outbox: Where the events go.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def create(self, tx: Transaction, columns: Mapping[str, Any]) -> Row:
        """Insert a room that has all its columns but the derived ones, and return its row."""
        at = clock.now()
        start, end = columns["scheduled_start"], columns["scheduled_end"]
        status = "scheduled" if start is not None and start > at else "active"
        derived = {
            "status": status,
            "is_live": True,
            "audience": columns["mode"] if columns["is_public"] else columns["account_id"],
            "webrtc_room_id": f"room-{columns['id']}",
            "current_participants": 0,
            "seq": 1,
            "next_at": next_at(status, start, end),
            "created_at": at,
            "updated_at": at,
        }
        values = {**columns, **derived}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        rows = await tx.fetch(f"INSERT INTO rooms ({names}) VALUES ({marks}) RETURNING *", *values.values())  # noqa: S608
        await self._outbox.add(tx, room_event("room.created", rows[0], actor_id=columns["created_by"]))
        return rows[0]

    async def change(
        self, tx: Transaction, room: Row, changes: Mapping[str, Any], actor_id: str | None
    ) -> Row:
        """Write changed columns; deriving those that follow from them."""
        merged = {**room, **changes}
        derived = {
            "audience": merged["mode"] if merged["is_public"] else merged["account_id"],
            "next_at": next_at(merged["status"], merged["scheduled_start"], merged["scheduled_end"]),
        }
        after = await update_room(tx, room["id"], {**changes, **derived})
        await self._outbox.add(tx, room_event("room.updated", after, actor_id=actor_id, before=room))
        return after

    async def end(self, tx: Transaction, room: Row, actor_id: str | None) -> Row:
        """Let everybody leave, then end the room; an ended one stays as it is, without an event."""
        if room["status"] == "ended":
            return room
        stays = await tx.fetch(
            "SELECT * FROM room_participants WHERE room_id = ? AND is_active = ? ORDER BY id",
            room["id"],
            True,
        )
        for stay in stays:
            room = await self.leave(tx, room, stay, actor_id)
        ended = await update_room(tx, room["id"], {"status": "ended", "is_live": False, "next_at": None})
        await self._outbox.add(tx, room_event("room.ended", ended, actor_id=actor_id, before=room))
        return ended

    async def join(
        self,
        tx: Transaction,
        room: Row,
        user_id: str,
        flags: Mapping[str, Any],
        *,
        joined_at: int | None = None,
        external_user_id: str | None = None,
    ) -> tuple[Row, Row]:
        """Begin a stay and return it with the room's new row; the caller has checked the room's status.

        Raises:
            Forbidden: ``ROOM_FULL``.
        """
        if room["current_participants"] >= room["max_participants"]:
            raise room_full(room)
        values = {
            "id": new_id(),
            "room_id": room["id"],
            "user_id": user_id,
            "external_user_id": external_user_id,
            "joined_at": clock.now() if joined_at is None else joined_at,
            "is_active": True,
            "camera_enabled": flags.get("camera_enabled", False),
            "microphone_enabled": flags.get("microphone_enabled", False),
            "peer_id": flags.get("peer_id"),
        }
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        stays = await tx.fetch(
            f"INSERT INTO room_participants ({names}) VALUES ({marks}) RETURNING *",  # noqa: S608
            *values.values(),
        )
        return stays[0], await self._count(tx, room, "participant.joined", user_id, stays[0], None)

    async def leave(self, tx: Transaction, room: Row, stay: Row, actor_id: str | None) -> Row:
        """End a stay and return the room's new row."""
        rows = await tx.fetch(
            "UPDATE room_participants SET is_active = ?, left_at = ? WHERE id = ? RETURNING *",
            False,
            clock.now(),
            stay["id"],
        )
        return await self._count(tx, room, "participant.left", actor_id, rows[0], stay)

    async def change_flags(self, tx: Transaction, room: Row, stay: Row, flags: Mapping[str, Any]) -> Row:
        """Update the flags of a stay; without an event when they are as they were."""
        if all(stay[name] == value for name, value in flags.items()):
            return stay
        columns = ", ".join(f"{name} = ?" for name in flags)
        rows = await tx.fetch(
            f"UPDATE room_participants SET {columns} WHERE id = ? RETURNING *",  # noqa: S608
            *flags.values(),
            stay["id"],
        )
        after = await update_room(tx, room["id"], {"status": room["status"]})
        await self._outbox.add(
            tx,
            room_event(
                "participant.updated",
                after,
                actor_id=stay["user_id"],
                before=room,
                participant=rows[0],
                participant_before=stay,
            ),
        )
        return rows[0]

    async def _count(
        self,
        tx: Transaction,
        room: Row,
        type_: Literal["participant.joined", "participant.left"],
        actor_id: str | None,
        stay: Row,
        stay_before: Row | None,
    ) -> Row:
        step = 1 if type_ == "participant.joined" else -1
        after = await update_room(
            tx, room["id"], {"current_participants": room["current_participants"] + step}
        )
        await self._outbox.add(
            tx,
            room_event(
                type_,
                after,
                actor_id=actor_id,
                before=room,
                participant=stay,
                participant_before=stay_before,
            ),
        )
        return after


def room_full(room: Row) -> Forbidden:
    """Return the documented refusal of a full room."""
    counts = {name: room[name] for name in ("current_participants", "max_participants")}
    return Forbidden("Room has reached maximum capacity", code="ROOM_FULL", details=counts)


def require_live(room: Row) -> None:
    """Refuse to change what is over.

    Raises:
        BadRequest: ``ROOM_ENDED``.
    """
    if room["status"] == "ended":
        raise BadRequest("Room has ended", code="ROOM_ENDED")
