"""All that others see of rooms: the service by which plugins bring external sessions in, and its data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from rallypoint.identity.api import Mode

RoomType = Literal["video", "silent", "audio-only"]
RoomStatus = Literal["scheduled", "active", "ended"]

EVENTS = ("room.created", "room.updated", "room.ended", "participant.joined", "participant.left")


@dataclass(frozen=True, slots=True)
class ExternalParticipant:
    """Somebody in an external session.

    Args:
        external_user_id: The provider's id of the person.
        user_id: Our user, when the provider's account is connected to one; else an id is derived.
        joined_at: Milliseconds; None while the person is booked but not there.
    """

    external_user_id: str
    user_id: str | None = None
    joined_at: int | None = None


@dataclass(frozen=True, slots=True)
class ExternalRoom:
    """A provider's session as a room should show it; times in milliseconds.

    ``participants`` are compared as a whole: who is missing has left, and only those with ``joined_at`` are in.
    None leaves the participants alone, as for providers that do not tell.
    """

    name: str
    description: str = ""
    room_type: RoomType = "video"
    is_public: bool = False
    max_participants: int = 2
    scheduled_start: int | None = None
    scheduled_end: int | None = None
    participants: tuple[ExternalParticipant, ...] | None = ()
    ended: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room after an operation.

    Args:
        changed: Names of the fields that the operation changed; empty when it wrote nothing.
        created: Whether it is new.
    """

    id: str
    status: RoomStatus
    current_participants: int
    changed: tuple[str, ...] = ()
    created: bool = False


class Rooms(Protocol):
    """Rooms, for plugins; found with ``ctx.service(Rooms)``."""

    async def upsert_external(
        self,
        *,
        account_id: str,
        mode: Mode,
        owner_id: str,
        service: str,
        external_id: str,
        room: ExternalRoom,
    ) -> RoomView:
        """Create or update the account's room of an external session; joins the transaction under way.

        Writes nothing when nothing changed, so it may be repeated at will. Raises the same events as the API.
        """
        ...

    async def find_external(
        self, *, account_id: str, mode: Mode, service: str, external_id: str
    ) -> RoomView | None:
        """Return the account's room of an external session, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Pull:
    """A request for one external session, made by ``POST /rooms/:id/sync``.

    Args:
        api_key: Of the room's integration with the service, when one was configured.
    """

    account_id: str
    user_id: str
    mode: Mode
    external_id: str
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class RoomSource:
    """Where the sessions of a service can be pulled from.

    Args:
        service: As in ``external_service_name``.
        pull: Returns the session; None when the service cannot be asked (inbound only).
            Raises ``NotFound`` when there is no such session, and the plugin errors.
    """

    service: str
    pull: Callable[[Pull], Awaitable[ExternalRoom | None]]
