"""What travels between processes arrives as it was sent."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.realtime.channel import Message, RowChange
from rallypoint.redis.wire import SENDER, decode, encode, pack, sender_of, unpack

texts = st.text(max_size=20)
payloads = st.dictionaries(texts, st.one_of(texts, st.booleans(), st.none(), st.lists(texts, max_size=3)))
changes = st.builds(
    RowChange,
    texts,
    st.sampled_from(["INSERT", "UPDATE", "DELETE"]),
    st.none() | payloads,
    st.none() | payloads,
)
messages = st.builds(
    Message,
    topic=st.just("room:1"),
    event=texts,
    payload=payloads,
    id=texts,
    at=st.integers(0, 2**50),
    changes=st.lists(changes, max_size=2).map(tuple),
    skip=texts,
    seq=st.integers(0, 2**50),
)


@given(messages)
def test_a_message_arrives_as_it_was_with_its_payload_as_bytes_too(message: Message) -> None:
    body = orjson.dumps(message.payload)
    assert decode("room:1", encode(message)) == replace(message, raw=body)
    raw = b'{"any": \n "whitespace"}'
    assert decode("room:1", encode(replace(message, raw=raw))).raw == raw


@given(st.binary())
def test_binary_payloads_travel_as_they_are(data: bytes) -> None:
    message = Message(
        "room:1", "broadcast", {"type": "broadcast", "event": "photo", "payload": data}, skip="me"
    )
    assert decode("room:1", encode(message)) == message


@given(st.lists(st.binary()))
def test_one_body_carries_many_frames(frames: list[bytes]) -> None:
    body = pack("p" * SENDER, frames)
    assert sender_of(body) == "p" * SENDER
    assert list(unpack(body)) == frames
