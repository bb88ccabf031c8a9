"""What an event is: declared once by its domain, stored in the outbox when durable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from rallypoint.identity.api import Mode


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of durable event.

    Args:
        name: On the wire, such as ``participant.joined``.
        summary: One line for the documentation.
        payload: Model of the payload, for the OpenAPI document's ``webhooks``; None keeps it out of there.
        webhooks: Whether webhook targets receive it (else only sockets and plugins do).
    """

    name: str
    summary: str
    payload: type[BaseModel] | None = None
    webhooks: bool = True


@dataclass(frozen=True, slots=True)
class Draft:
    """An event about to be written, in the transaction of the change it tells of.

    Args:
        type: A declared name.
        account_id: Whose event it is.
        mode: Live or sandbox.
        subject: What it is about, such as ``room:<id>``; webhook targets and order go by it.
        seq: From the counter on the subject's row, taken in the same transaction.
        topics: Topics it is pushed on.
        payload: JSON-able; its bytes are made canonical once, when it is written.
        actor_id: The acting user, if any.
        changes: How it reads as changes of rows (see ``realtime.channel.RowChange``), JSON-able.
    """

    type: str
    account_id: str
    mode: Mode
    subject: str
    seq: int
    topics: Sequence[str]
    payload: Mapping[str, Any]
    actor_id: str | None = None
    changes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A durable event as stored.

    Args:
        id: UUIDv7, stable over every retry and replay.
        body: The payload's canonical JSON bytes.
        at: Milliseconds.
    """

    id: str
    type: str
    account_id: str
    mode: Mode
    subject: str
    seq: int
    topics: tuple[str, ...]
    body: bytes
    at: int
    actor_id: str | None = None
    changes: tuple[Mapping[str, Any], ...] = field(default=())
