"""Who may see and change which room."""

from __future__ import annotations

from rallypoint.domains.rooms.records import lock_room
from rallypoint.errors import Forbidden, NotFound
from rallypoint.identity.api import Principal
from rallypoint.storage.database import Row, Transaction
from rallypoint.storage.ids import is_id


def may_see(principal: Principal, room: Row) -> bool:
    """Tell whether a room exists for a caller: of the same mode, and public or of the caller's account."""
    own = room["account_id"] == principal.account_id
    return bool(room["mode"] == principal.mode and (room["is_public"] or own))


def require_owner(principal: Principal, room: Row) -> None:
    """Let only the creator or an admin of its account pass.

    Raises:
        Forbidden: It is somebody else's.
    """
    own_account = room["account_id"] == principal.account_id
    if room["created_by"] != principal.user_id and not (own_account and principal.role == "admin"):
        raise Forbidden("Only the room's creator or an admin of its account may change it")


def not_found() -> NotFound:
    """Return the answer for rooms that do not exist for the caller."""
    return NotFound("Room not found", code="ROOM_NOT_FOUND")


async def lock_visible(tx: Transaction, principal: Principal, room_id: str) -> Row:
    """Return a room that the caller may see, held until the transaction ends.

    Raises:
        NotFound: There is none.
    """
    room = await lock_room(tx, room_id) if is_id(room_id) else None
    if room is None or not may_see(principal, room):
        raise not_found()
    return room


async def lock_own(tx: Transaction, principal: Principal, room_id: str) -> Row:
    """Return a room that the caller may change, held until the transaction ends.

    Raises:
        NotFound: There is none for the caller.
        Forbidden: It is somebody else's.
    """
    room = await lock_visible(tx, principal, room_id)
    require_owner(principal, room)
    return room
