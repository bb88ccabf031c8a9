"""What a connection remembers between two syncs: its sessions, and how they looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from rallypoint.domains.rooms.api import RoomType

MAX_SESSIONS = 400
"""Sessions followed at once for each user: they fit into one stored value, and nobody books as many."""

OVER = "over"
"""The digest of a session that has ended; it is remembered while it is still listed."""


@dataclass(frozen=True, slots=True)
class Known:
    """A session that has a room.

    Args:
        start: Milliseconds.
        end: Milliseconds.
        room_type: Of the room.
        digest: How it looked.
        misses: Syncs in a row that did not find it.
    """

    start: int
    end: int
    room_type: RoomType
    digest: str
    misses: int = 0

    @property
    def over(self) -> bool:
        """Whether its room has been ended."""
        return self.digest == OVER


@dataclass(frozen=True, slots=True)
class State:
    """Where a connection's sync stands.

    Args:
        sessions: By their id.
        synced_at: Milliseconds of the last finished sync; 0 for none.
        me: Focusmate's id of the owner, read with the credential of ``version``.
        version: Of the connection.
    """

    sessions: Mapping[str, Known]
    synced_at: int = 0
    me: str = ""
    version: int = 0

    @classmethod
    def load(cls, value: Any) -> State:
        """Read what :meth:`dump` wrote; None is a fresh start."""
        if value is None:
            return cls({})
        sessions = {key: Known(*entry) for key, entry in value["sessions"].items()}
        return cls(sessions, value["synced_at"], value["me"], value["version"])

    def dump(self) -> dict[str, Any]:
        """Return a JSON-able value."""
        sessions = {key: astuple(known) for key, known in self.sessions.items()}
        return {
            "sessions": sessions,
            "synced_at": self.synced_at,
            "me": self.me,
            "version": self.version,
        }
