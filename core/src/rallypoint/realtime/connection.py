"""What the hub knows of a client, whatever it speaks."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from structlog.stdlib import BoundLogger, get_logger

from rallypoint.identity.api import Principal
from rallypoint.realtime.channel import Channel, Join, Joined, Message, Payload
from rallypoint.realtime.limits import Bucket
from rallypoint.realtime.outbound import Frame
from rallypoint.storage.ids import new_id

log: BoundLogger = get_logger(__name__)


class Encoder(Hashable, Protocol):
    """A wire format. Equal encoders make equal frames, so that one encoding serves all who share it."""

    def encode(self, message: Message) -> Sequence[Frame]:
        """Return the frames a message becomes; none when the format has no way to say it."""
        ...


def as_payload(value: Any) -> Payload:
    """Return what a client sent when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def encode(encoder: Encoder, message: Message) -> Sequence[Frame]:
    """Encode for one format; a message that cannot be told in it must not keep the others from theirs."""
    try:
        return encoder.encode(message)
    except Exception:
        log.exception("socket_message_not_encodable", topic=message.topic, event_name=message.event)
        return ()


class Connection(ABC):
    """One client.

    Args:
        principal: Who it is; replaced when it sends a new access token.
        encoder: What it speaks by default.
        send: Takes a frame without waiting.
    """

    def __init__(self, principal: Principal, encoder: Encoder, send: Callable[[Frame], None]) -> None:
        self.id = new_id()
        self.principal = principal
        self.encoder = encoder
        self.send = send
        self.members: dict[str, Member] = {}
        self.bucket: Bucket | None = None
        self.expiry: asyncio.TimerHandle | None = None

    @abstractmethod
    def close(self, code: int, reason: str) -> None:
        """Start to end the connection, without waiting; harmless when it has ended.

        Args:
            code: Of RFC 6455 §7.4.
            reason: For the client and the log.
        """


@dataclass(slots=True, eq=False)
class Member:
    """A connection on a topic.

    Args:
        key: Under which the connection finds it; the topic, unless one connection joins a topic twice.
        push: Sends to this member alone, where the transport has a form of its own for that.
        backlog: Published since the join began, kept until the member is opened; None once it is open.
        replay: What it missed.
        response: For the join's reply.
        presence_key: Under which it shows in the topic's presence.
        presence_ref: Of its meta there; None while it does not show.
    """

    connection: Connection
    key: str
    channel: Channel
    join: Join
    encoder: Encoder
    push: Callable[[Message], None] | None = None
    joined: Joined = field(default_factory=Joined)
    backlog: list[Message] | None = field(default_factory=list)
    replay: Sequence[Message] = ()
    response: Payload = field(default_factory=dict)
    presence_key: str = ""
    presence_ref: str | None = None

    @property
    def topic(self) -> str:
        """The topic it is on."""
        return self.join.topic

    def tell(self, message: Message) -> None:
        """Send a message to this member alone."""
        if self.push is not None:
            self.push(message)
            return
        for frame in encode(self.encoder, message):
            self.connection.send(frame)
