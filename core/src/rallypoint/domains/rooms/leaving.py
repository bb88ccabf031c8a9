"""An account's people leave every room and its own rooms end, with the same events as by hand."""

from __future__ import annotations

from rallypoint.domains.rooms.lifecycle import Lifecycle
from rallypoint.domains.rooms.records import lock_room
from rallypoint.storage.database import Database

_BATCH = 100
_OWN = "SELECT id AS room_id FROM rooms WHERE account_id = ? AND is_live = ? LIMIT ?"
_FOREIGN = (
    "SELECT DISTINCT room_id FROM room_participants WHERE is_active = ?"
    " AND user_id IN (SELECT id FROM users WHERE account_id = ?) LIMIT ?"
)
_STAYS = (
    "SELECT * FROM room_participants WHERE room_id = ? AND is_active = ?"
    " AND user_id IN (SELECT id FROM users WHERE account_id = ?) ORDER BY id"
)


async def leave_everywhere(database: Database, lifecycle: Lifecycle, account_id: str) -> None:
    """End what an account has under way; a transaction for each room, so that nothing waits long."""
    while rows := await database.fetch(_OWN, account_id, True, _BATCH):
        for row in rows:
            await _end(database, lifecycle, row["room_id"])
    while rows := await database.fetch(_FOREIGN, True, account_id, _BATCH):
        for row in rows:
            await _leave(database, lifecycle, row["room_id"], account_id)


async def _end(database: Database, lifecycle: Lifecycle, room_id: str) -> None:
    async with database.transaction() as tx:
        room = await lock_room(tx, room_id)
        if room is not None:
            await lifecycle.end(tx, room, None)


async def _leave(database: Database, lifecycle: Lifecycle, room_id: str, account_id: str) -> None:
    async with database.transaction() as tx:
        room = await lock_room(tx, room_id)
        for stay in await tx.fetch(_STAYS, room_id, True, account_id):
            if room is not None:
                room = await lifecycle.leave(tx, room, stay, stay["user_id"])
