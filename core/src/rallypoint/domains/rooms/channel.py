"""``room:<id>`` on every transport: a join answers with the room and who is in it, then every event follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rallypoint.domains.rooms.records import room_document, topic_of
from rallypoint.domains.rooms.service import RoomService
from rallypoint.domains.rooms.stays import StayService
from rallypoint.errors import NotFound
from rallypoint.events.outbox import Outbox
from rallypoint.realtime.channel import Channel, Join, Joined, Refused, Replay

_ROOM_COLUMNS = {
    "id": "uuid",
    "name": "text",
    "description": "text",
    "room_type": "text",
    "created_by": "uuid",
    "is_public": "bool",
    "max_participants": "int4",
    "current_participants": "int4",
    "tags": "_text",
    "scheduled_start": "timestamptz",
    "scheduled_end": "timestamptz",
    "status": "text",
    "webrtc_room_id": "text",
    "external_service_id": "text",
    "external_service_name": "text",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
_PARTICIPANT_COLUMNS = {
    "id": "uuid",
    "room_id": "uuid",
    "user_id": "uuid",
    "joined_at": "timestamptz",
    "left_at": "timestamptz",
    "is_active": "bool",
    "camera_enabled": "bool",
    "microphone_enabled": "bool",
    "peer_id": "text",
    "external_user_id": "text",
}

_IDENTIFYING = {("rooms", "id"), ("room_participants", "room_id")}


class RoomChannel(Channel):
    """Whoever may see a room may follow it.

    Args:
        rooms: Decides who may see what.
        stays: Knows who is in.
        outbox: Remembers what a rejoin missed.
    """

    pattern: ClassVar[str] = "room:{room_id}"
    tables: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "rooms": _ROOM_COLUMNS,
        "room_participants": _PARTICIPANT_COLUMNS,
    }

    def __init__(self, rooms: RoomService, stays: StayService, outbox: Outbox) -> None:
        self._rooms = rooms
        self._stays = stays
        self._outbox = outbox

    async def join(self, join: Join) -> Joined:
        """Answer with the room and its participants; the member shows in the room's presence."""
        room_id = join.variables["room_id"]
        try:
            room = await self._rooms.get(join.principal, room_id)
        except NotFound:
            raise Refused("not_found") from None
        participants = await self._stays.participants(join.principal, room_id)
        return Joined(
            {"room": room_document(room), "participants": participants},
            presence_key=f"user:{join.principal.user_id}",
            presence_meta={"user_id": join.principal.user_id},
        )

    async def replay(self, topic: str, since: str) -> Replay:
        """Return the room's events after the one with id ``since``."""
        return await self._outbox.since(topic, since)

    def topic_of(self, table: str, column: str, value: str) -> str | None:
        """Say which room a filter on rows is about: ``room_id=eq.<id>`` of stays, ``id=eq.<id>`` of rooms."""
        return topic_of(value) if (table, column) in _IDENTIFYING else None
