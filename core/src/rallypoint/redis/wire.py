"""How messages travel between processes: their head as JSON, their payload as the bytes they have already.

A body on a channel is the sender's name and then frames, each with its length before it, so that one body can
carry many messages of a topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import orjson

from rallypoint.realtime.channel import Message, RowChange

SENDER = 12
"""Length of a process's name."""
_SIZE = 4


def encode(message: Message) -> bytes:
    """Return a message without its topic, which the channel tells.

    Raises:
        TypeError: Its payload is not JSON, but for bytes under the key ``payload``.
    """
    changes = [asdict(change) for change in message.changes]
    head: list[Any] = [message.event, message.id, message.at, message.skip, changes, message.seq, None]
    binary = message.payload.get("payload") if message.raw is None else None
    if isinstance(binary, bytes):
        head[6] = {name: value for name, value in message.payload.items() if name != "payload"}
        return orjson.dumps(head) + b"\n" + binary
    body = orjson.dumps(message.payload) if message.raw is None else message.raw
    return orjson.dumps(head) + b"\n" + body


def decode(topic: str, frame: bytes) -> Message:
    """Return the message in a frame; its payload's bytes are kept beside what they mean."""
    head, _, body = frame.partition(b"\n")
    event, id_, at, skip, changes, seq, rest = orjson.loads(head)
    if rest is not None:
        return Message(topic, event, {**rest, "payload": body}, id_, at, skip=skip)
    rows = tuple(RowChange(**change) for change in changes)
    return Message(topic, event, orjson.loads(body), id_, at, body, rows, skip, seq)


def pack(sender: str, frames: Iterable[bytes]) -> bytes:
    """Return a body."""
    parts = [sender.encode()]
    for frame in frames:
        parts += (len(frame).to_bytes(_SIZE, "big"), frame)
    return b"".join(parts)


def sender_of(body: bytes) -> str:
    """Return who sent a body."""
    return body[:SENDER].decode()


def unpack(body: bytes) -> Iterator[bytes]:
    """Return the frames of a body."""
    start = SENDER
    while start < len(body):
        end = start + _SIZE + int.from_bytes(body[start : start + _SIZE], "big")
        yield body[start + _SIZE : end]
        start = end
