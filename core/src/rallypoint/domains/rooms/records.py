"""Rows of rooms and participants as the wire shows them, and the events that tell of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rallypoint.events.types import Draft
from rallypoint.storage import clock
from rallypoint.storage.database import Row, Transaction

Document = dict[str, Any]


def room_document(row: Row) -> Document:
    """Return the object of ``GET /rooms/:id``."""
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "room_type": row["room_type"],
        "created_by": row["created_by"],
        "is_public": bool(row["is_public"]),
        "max_participants": row["max_participants"],
        "current_participants": row["current_participants"],
        "tags": json.loads(row["tags"]),
        "scheduled_start": clock.rfc3339_or_none(row["scheduled_start"]),
        "scheduled_end": clock.rfc3339_or_none(row["scheduled_end"]),
        "status": row["status"],
        "webrtc_room_id": row["webrtc_room_id"],
        "external_service_id": row["external_service_id"],
        "external_service_name": row["external_service_name"],
        "created_at": clock.rfc3339(row["created_at"]),
        "updated_at": clock.rfc3339(row["updated_at"]),
    }


def participant_document(row: Row) -> Document:
    """Return the object of a join's reply."""
    return {
        "id": row["id"],
        "room_id": row["room_id"],
        "user_id": row["user_id"],
        "joined_at": clock.rfc3339(row["joined_at"]),
        "left_at": clock.rfc3339_or_none(row["left_at"]),
        "is_active": bool(row["is_active"]),
        "camera_enabled": bool(row["camera_enabled"]),
        "microphone_enabled": bool(row["microphone_enabled"]),
        "peer_id": row["peer_id"],
        "external_user_id": row["external_user_id"],
    }


async def lock_room(tx: Transaction, room_id: str) -> Row | None:
    """Return a room's row, held until the end of the transaction, or None."""
    return await tx.lock("SELECT * FROM rooms WHERE id = ?", room_id)


async def update_room(tx: Transaction, room_id: str, changes: Mapping[str, Any]) -> Row:
    """Write changed columns together with the next event number, and return the new row."""
    columns = ", ".join(f"{name} = ?" for name in changes)
    row = await tx.fetch_one(
        f"UPDATE rooms SET {columns}, seq = seq + 1, updated_at = ? WHERE id = ? RETURNING *",  # noqa: S608
        *changes.values(),
        clock.now(),
        room_id,
    )
    if row is None:
        raise LookupError(room_id)
    return row


def room_event(
    type_: str,
    room: Row,
    *,
    actor_id: str | None,
    before: Row | None = None,
    participant: Row | None = None,
    participant_before: Row | None = None,
) -> Draft:
    """Return the event that tells of a change.

    Args:
        type_: One of the documented five, or ``participant.updated``.
        room: The row after the change, its ``seq`` already this event's.
        actor_id: The acting user; None when time acted.
        before: The room before the change; None for a new room.
        participant: The stay that it is about.
        participant_before: The stay before the change; None for a new stay.
    """
    data: Document = {"room": room_document(room)}
    changes = [_change("rooms", data["room"], None if before is None else room_document(before))]
    if participant is not None:
        stay = participant_document(participant)
        data = {"participant": stay, **data}
        old = None if participant_before is None else participant_document(participant_before)
        changes.insert(0, _change("room_participants", stay, old))
    return Draft(
        type=type_,
        account_id=room["account_id"],
        mode=room["mode"],
        subject=topic_of(room["id"]),
        seq=room["seq"],
        topics=(topic_of(room["id"]),),
        payload={
            "event": type_,
            "room_id": room["id"],
            "user_id": actor_id,
            "timestamp": clock.rfc3339(room["updated_at"]),
            "data": data,
        },
        actor_id=actor_id,
        changes=changes,
    )


def topic_of(room_id: str) -> str:
    """Return a room's topic, which is also its events' subject."""
    return f"room:{room_id}"


def _change(table: str, record: Document, old: Document | None) -> Document:
    kind = "INSERT" if old is None else "UPDATE"
    return {"table": table, "kind": kind, "record": record, "old_record": old}
