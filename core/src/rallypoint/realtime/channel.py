"""A Channel is written once by a domain; every transport speaks it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from rallypoint.identity.api import Principal

Payload = Mapping[str, Any]


class Refused(Exception):
    """A join or a client's event is not allowed.

    Args:
        reason: Machine-readable, sent to the client: ``unauthorized``, ``not_found``, …
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Message:
    """Something published on a topic.

    Args:
        topic: ``room:<id>`` and so on, without any transport's own prefix.
        event: Its name on the wire.
        payload: JSON-able; or, when ``raw`` is set, ignored in its favour by encoders that can embed bytes.
        id: Of the durable event, by which clients drop repeats and pass ``since``; empty for ephemeral ones.
        at: Milliseconds.
        raw: The payload as JSON bytes, when it has been encoded already.
        changes: How this reads as changes of rows, for transports that speak of rows.
        skip: The connection that must not receive it, such as the sender of a typing notice.
        seq: Of the durable event among those of its subject, when the topic is that subject; 0 otherwise.
    """

    topic: str
    event: str
    payload: Payload
    id: str = ""
    at: int = 0
    raw: bytes | None = None
    changes: tuple[RowChange, ...] = ()
    skip: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class RowChange:
    """An event read as the change of one row (Supabase's ``postgres_changes``).

    Args:
        table: In schema ``public``.
        kind: What happened to the row.
        record: The row after; None for DELETE.
        old_record: The row before, or its identity; None for INSERT.
    """

    table: str
    kind: Literal["INSERT", "UPDATE", "DELETE"]
    record: Payload | None
    old_record: Payload | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """A request to join.

    Args:
        principal: Who.
        topic: The whole topic.
        variables: What the channel's pattern matched.
        params: What the client sent along.
        connection_id: Of the socket, for :attr:`Message.skip`.
    """

    principal: Principal
    topic: str
    variables: Mapping[str, str]
    params: Payload
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """A join that is allowed.

    Args:
        response: Sent in the join's reply.
        presence_key: Under which the member shows in the topic's presence; None for no presence.
        presence_meta: Beside the ``phx_ref`` that the hub adds.
    """

    response: Payload = field(default_factory=dict)
    presence_key: str | None = None
    presence_meta: Payload = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rejoin with ``since`` missed, oldest first; ``resync`` when that is no longer known."""

    messages: Sequence[Message] = ()
    resync: bool = False


class Channel(ABC):
    """What happens on topics of one pattern.

    Class attributes:
        pattern: Such as ``room:{room_id}``; a variable matches anything but a colon.
        accepts: Names of the events that clients may send.
        tables: Tables that :attr:`Message.changes` of these topics may speak of, with their columns' types
            (``uuid``, ``text``, ``bool``, ``int4``, ``timestamptz``, ``jsonb``, ``_text``), in order.
    """

    pattern: ClassVar[str]
    accepts: ClassVar[frozenset[str]] = frozenset()
    tables: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    @abstractmethod
    async def join(self, join: Join) -> Joined:
        """Authorise a join and say what it answers.

        Raises:
            Refused: The principal may not join.
        """

    async def receive(self, join: Join, event: str, payload: Payload) -> Payload | None:  # noqa: ARG002
        """Handle a member's event whose name is in :attr:`accepts`; what is returned goes into its reply.

        Raises:
            Refused: The member may not send this.
        """
        raise Refused("unmatched event")

    async def replay(self, topic: str, since: str) -> Replay:  # noqa: ARG002
        """Return the durable messages after the one with id ``since``."""
        return Replay(resync=True)

    def topic_of(self, table: str, column: str, value: str) -> str | None:  # noqa: ARG002
        """Return the topic that carries the rows of ``table`` whose ``column`` is ``value``, if there is one.

        Args:
            table: One of :attr:`tables`.
            column: What a row filter compares.
            value: What it must be equal to, unchecked: it comes from a client.
        """
        return None
