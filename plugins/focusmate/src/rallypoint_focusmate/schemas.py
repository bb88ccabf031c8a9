"""What Focusmate's API answers, as far as it is used.

``GET /me`` → ``{"user": {…}}`` and ``GET /sessions?start&end`` → ``{"sessions": [{…}]}``; durations are in
milliseconds, and a session has one user while nobody is matched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Id = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=64)]
_DAY = 24 * 3600 * 1000


class _Reply(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Me(_Reply):
    """The user whose key it is."""

    user_id: Id
    name: str = ""


class Preferences(_Reply):
    """How somebody wants to work."""

    quiet_mode: bool = False


class SessionUser(_Reply):
    """Somebody booked into a session."""

    user_id: Id
    joined_at: datetime | None = None
    completed: bool = False
    preferences: Preferences = Preferences()


class Session(_Reply):
    """A booked session."""

    session_id: Id
    duration: int = Field(gt=0, le=_DAY)
    start_time: datetime
    users: tuple[SessionUser, ...] = Field((), max_length=20)

    @property
    def start(self) -> int:
        """Milliseconds."""
        return to_ms(self.start_time)

    @property
    def end(self) -> int:
        """Milliseconds."""
        return self.start + self.duration


def to_ms(moment: datetime) -> int:
    """Return milliseconds; a time without zone is UTC, as Focusmate means it."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
