"""The binary frames of Supabase's serializer 2.0.0: a client's broadcast, and a binary one to clients.

Both begin with their kind and the lengths of their text fields, a byte each, and a byte for the payload's
encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.realtime.channel import Payload
from rallypoint.realtime.phoenix import Push
from rallypoint.realtime.transport import BadFrame, parse_json

USER_BROADCAST_PUSH = 3
USER_BROADCAST = 4
BINARY, JSON = 0, 1


def parse_broadcast(data: bytes) -> Push:
    """Parse a broadcast push: join_ref, ref, topic, event and metadata, then the payload.

    Raises:
        BadFrame: It is cut short, or its payload is not what it says.
    """
    lengths, start = data[1:6], 7
    if len(data) < start + sum(lengths):
        raise BadFrame("the frame is cut short")
    fields = []
    for length in lengths:
        fields.append(data[start : start + length].decode("utf-8", "replace"))
        start += length
    join_ref, ref, topic, event, meta = fields
    payload: dict[str, Any] = {"event": event, "payload": _payload(data[6], data[start:])}
    if meta:
        payload["meta"] = parse_json(meta)
    return Push(join_ref or None, ref or None, topic, "broadcast", payload)


def broadcast_bytes(topic: str, payload: Payload) -> bytes:
    """Return a broadcast with a binary payload as clients of version 2 read it."""
    fields = [topic.encode(), str(payload.get("event")).encode()]
    head = bytes([USER_BROADCAST, *(len(field) for field in fields), 0, BINARY])
    return head + b"".join(fields) + bytes(payload["payload"])


def is_binary(payload: Mapping[str, Any]) -> bool:
    """Tell whether a broadcast has a payload that JSON cannot carry."""
    return isinstance(payload.get("payload"), bytes)


def _payload(encoding: int, data: bytes) -> Any:
    if encoding == BINARY:
        return data
    if encoding == JSON:
        return parse_json(data)
    raise BadFrame("unknown payload encoding")
