"""Events as rows: how they are read back, and how they read as messages."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from rallypoint.events.types import Event
from rallypoint.realtime.channel import Message, RowChange
from rallypoint.storage.database import Row

SELECT = "SELECT id, type, account_id, mode, subject, seq, topics, body, actor_id, changes, at FROM events "


def event_of(row: Row) -> Event:
    """Return the event in a row of :data:`SELECT`."""
    return Event(
        id=row["id"],
        type=row["type"],
        account_id=row["account_id"],
        mode=row["mode"],
        subject=row["subject"],
        seq=row["seq"],
        topics=tuple(orjson.loads(row["topics"])),
        body=bytes(row["body"]),
        at=row["at"],
        actor_id=row["actor_id"],
        changes=tuple(orjson.loads(row["changes"])),
    )


def message_of(event: Event, topic: str) -> Message:
    """Return what is published of a stored event on one of its topics."""
    return Message(
        topic=topic,
        event=event.type,
        payload=orjson.loads(event.body),
        id=event.id,
        at=event.at,
        raw=event.body,
        changes=tuple(RowChange(**change) for change in event.changes),
        seq=event.seq if topic == event.subject else 0,
    )


def messages_of(event: Event) -> Iterator[Message]:
    """Return what is published of a stored event, one message for each topic."""
    return (message_of(event, topic) for topic in event.topics)
