"""How a session shows as a room. It looks the same to whichever of its users it is read for."""

from __future__ import annotations

import hashlib

from rallypoint.domains.rooms.api import ExternalParticipant, ExternalRoom, RoomType
from rallypoint_focusmate.schemas import Session, SessionUser, to_ms

SERVICE = "focusmate"
_DESCRIPTION = "Synced from Focusmate"


def room_type_of(session: Session) -> RoomType:
    """Return ``silent`` when everybody booked asked for quiet."""
    quiet = bool(session.users) and all(user.preferences.quiet_mode for user in session.users)
    return "silent" if quiet else "video"


def is_over(session: Session, now: int) -> bool:
    """Tell whether a session's time is up, or all of its users completed it earlier."""
    return now >= session.end or (bool(session.users) and all(user.completed for user in session.users))


def room_of(session: Session, name: str, *, ended: bool, me: str = "", my_user_id: str = "") -> ExternalRoom:
    """Return the room of a session.

    Args:
        session: As Focusmate tells it.
        name: Of the room.
        ended: Whether it is over.
        me: Focusmate's id of the connection's owner.
        my_user_id: Our id of the same person.
    """
    people = sorted(session.users, key=lambda user: user.user_id)  # the API promises no order
    return ExternalRoom(
        name=name,
        description=_DESCRIPTION,
        room_type=room_type_of(session),
        scheduled_start=session.start,
        scheduled_end=session.end,
        participants=tuple(_participant(user, my_user_id if user.user_id == me else None) for user in people),
        ended=ended,
        tags=(SERVICE,),
    )


def cancelled_room(name: str, start: int, end: int, room_type: RoomType) -> ExternalRoom:
    """Return the room of a session that Focusmate no longer lists."""
    return ExternalRoom(
        name=name,
        description=_DESCRIPTION,
        room_type=room_type,
        scheduled_start=start,
        scheduled_end=end,
        participants=None,
        ended=True,
        tags=(SERVICE,),
    )


def digest(room: ExternalRoom) -> str:
    """Return a short fingerprint of everything that a room shows, to leave unchanged ones alone."""
    return hashlib.sha256(repr(room).encode()).hexdigest()[:12]


def _participant(user: SessionUser, user_id: str | None) -> ExternalParticipant:
    joined_at = None if user.joined_at is None else to_ms(user.joined_at)
    return ExternalParticipant(user.user_id, user_id or None, joined_at)
