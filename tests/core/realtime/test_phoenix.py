"""Phoenix Channels on the wire, frame by frame; npm's own client is tried in tests/peers."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.realtime.channel import Message
from rallypoint.realtime.phoenix import PhoenixEncoder
from rallypoint.realtime.transport import BadFrame
from support.socket_house import House, open_house


class Wire:
    """A WebSocket that speaks in frames."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, *frame: Any) -> None:
        await self.socket.send_str(json.dumps(list(frame)))

    async def hear(self) -> Any:
        message = await self.socket.receive(5)
        assert message.type == aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def ask(self, *frame: Any) -> Any:
        await self.say(*frame)
        return await self.hear()

    async def close_code(self) -> int | None:
        while (await self.socket.receive(5)).type == aiohttp.WSMsgType.TEXT:
            pass
        return self.socket.close_code


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def connect(house: House, session: aiohttp.ClientSession) -> Any:
    async def open_wire(query: str = "token=alice&vsn=2.0.0", where: House = house, **options: Any) -> Wire:
        return Wire(await session.ws_connect(f"{where.url}/socket/websocket?{query}", **options))

    return open_wire


async def test_join_push_broadcast_and_leave(house: House, connect: Any) -> None:
    wire = await connect()
    ok = {"status": "ok", "response": {"room": {"id": "1"}}}
    assert await wire.ask("3", "3", "room:1", "phx_join", {"quiet": True}) == [
        "3",
        "3",
        "room:1",
        "phx_reply",
        ok,
    ]
    said = house.channel.say("room:1", {"text": "a"}, raw=b'{"text":"raw"}')
    assert await wire.hear() == [None, None, "room:1", "said", {"text": "raw"}]
    await wire.say("3", "6", "room:1", "say", {"text": "b"})
    assert await wire.hear() == [None, None, "room:1", "said", {"text": "b"}]
    reply = await wire.hear()
    assert reply[:4] == ["3", "6", "room:1", "phx_reply"]
    assert reply[4]["response"]["id"] == house.channel.history["room:1"][-1].id != said.id
    nothing = {"status": "ok", "response": {}}
    assert await wire.ask("3", "8", "room:1", "phx_leave", {}) == ["3", "8", "room:1", "phx_reply", nothing]
    assert await wire.hear() == ["3", "3", "room:1", "phx_close", {}]
    house.channel.say("room:1", {})
    assert await wire.ask(None, "9", "phoenix", "heartbeat", {}) == [
        None,
        "9",
        "phoenix",
        "phx_reply",
        nothing,
    ]


async def test_version_one_speaks_in_objects(house: House, connect: Any) -> None:
    for query in ("token=alice&vsn=1.0.0", "token=alice"):
        wire = await connect(query)
        join = {"topic": "room:1", "event": "phx_join", "payload": {"quiet": True}, "ref": "1"}
        await wire.socket.send_json(join)
        ok = {"status": "ok", "response": {"room": {"id": "1"}}}
        assert await wire.hear() == {"topic": "room:1", "event": "phx_reply", "ref": "1", "payload": ok}
        house.channel.say("room:1", {"n": 1})
        assert await wire.hear() == {"topic": "room:1", "event": "said", "ref": None, "payload": {"n": 1}}
        await wire.socket.close()


@pytest.mark.parametrize(
    ("topic", "event", "reason"),
    [
        ("room:closed", "phx_join", "not_found"),
        ("other:1", "phx_join", "unmatched topic"),
        ("room:1", "dance", "unmatched event"),
        ("room:1", "forbidden", "forbidden"),
        ("room:1", "fail", "internal error"),
    ],
)
async def test_refusals_say_why(connect: Any, topic: str, event: str, reason: str) -> None:
    wire = await connect()
    await wire.ask("1", "1", "room:1", "phx_join", {"quiet": True})
    refused = {"status": "error", "response": {"reason": reason}}
    assert await wire.ask("1", "2", topic, event, {}) == ["1", "2", topic, "phx_reply", refused]


async def test_push_without_a_join_is_unmatched_and_leave_is_ok(connect: Any) -> None:
    wire = await connect()
    unmatched = {"status": "error", "response": {"reason": "unmatched topic"}}
    assert await wire.ask("1", "2", "room:1", "say", {}) == [None, "2", "room:1", "phx_reply", unmatched]
    assert (await wire.ask("1", "3", "room:1", "phx_leave", {}))[4] == {"status": "ok", "response": {}}


async def test_joining_again_replaces_the_channel(house: House, connect: Any) -> None:
    wire = await connect()
    await wire.ask("1", "1", "room:1", "phx_join", {"quiet": True})
    assert await wire.ask("2", "2", "room:1", "phx_join", {"quiet": True}) == [
        "1",
        "1",
        "room:1",
        "phx_close",
        {},
    ]
    assert (await wire.hear())[:4] == ["2", "2", "room:1", "phx_reply"]
    await wire.say("1", "3", "room:1", "say", {"stale": True})
    await wire.say("1", "4", "room:1", "phx_leave", {})
    await wire.say("2", "5", "room:1", "say", {})
    assert await wire.hear() == [None, None, "room:1", "said", {}]
    assert len(house.channel.history["room:1"]) == 1


async def test_presence_state_carries_the_join_ref(connect: Any) -> None:
    alice, bob = await connect(), await connect("token=bob&vsn=2.0.0")
    await alice.ask("1", "1", "room:1", "phx_join", {})
    state = await alice.hear()
    assert state[:4] == ["1", None, "room:1", "presence_state"]
    assert list(state[4]) == ["user:alice"]
    await bob.ask("7", "7", "room:1", "phx_join", {})
    diff = await alice.hear()
    assert diff[:4] == [None, None, "room:1", "presence_diff"]
    assert list(diff[4]["joins"]) == ["user:bob"]
    await bob.socket.close()
    assert list((await alice.hear())[4]["leaves"]) == ["user:bob"]


async def test_since_replays_and_says_when_it_cannot(house: House, connect: Any) -> None:
    first, _second = (house.channel.say("room:1", {"n": n}) for n in range(2))
    wire = await connect()
    await wire.ask("1", "1", "room:1", "phx_join", {"quiet": True, "since": first.id})
    assert await wire.hear() == ["1", None, "room:1", "said", {"n": 1}]
    other = await connect()
    reply = await other.ask("1", "1", "room:1", "phx_join", {"quiet": True, "since": "lost"})
    assert reply[4]["response"]["resync"] is True


@pytest.mark.parametrize(
    "query",
    [
        "vsn=2.0.0",
        "token=&vsn=2.0.0",
        "token=undefined",
        "token=null",
        "token=nobody",
        "token=alice&vsn=3.0.0",
    ],
)
async def test_bad_handshakes_are_refused_with_403(connect: Any, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(query)
    assert refused.value.status == 403


async def test_too_many_connections_of_a_user_are_refused_with_429(
    session: aiohttp.ClientSession, connect: Any
) -> None:
    async with open_house(limit_sockets_per_user=1) as house:
        house.gate.issue("alice")
        wire = await connect(where=house)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(where=house)
        assert refused.value.status == 429
        assert refused.value.headers is not None
        assert refused.value.headers["Retry-After"] == "10"
        await wire.socket.close()
        await asyncio.sleep(0.05)
        await (await connect(where=house)).socket.close()


async def test_token_may_come_as_a_subprotocol(connect: Any) -> None:
    encoded = base64.urlsafe_b64encode(b"alice").decode().rstrip("=")
    wire = await connect("vsn=2.0.0", protocols=["phoenix", f"base64url.bearer.phx.{encoded}"])
    assert wire.socket.protocol == "phoenix"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await connect("vsn=2.0.0", protocols=["phoenix", "base64url.bearer.phx.!"])


async def test_tokens_in_the_query_are_not_logged(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="uvicorn"):
        await connect("token=alice&vsn=2.0.0")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await connect("token=hunter2&vsn=2.0.0")
    lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.error"]
    assert any("/socket/websocket" in line for line in lines)
    assert not any("alice" in line or "hunter2" in line for line in lines)
    assert all(record.levelno == logging.INFO for record in caplog.records)


async def test_revoked_token_and_restart_end_the_socket_with_their_codes(house: House, connect: Any) -> None:
    alice, bob = await connect(), await connect("token=bob&vsn=2.0.0")
    house.gate.revoke("alice")
    assert await alice.close_code() == 1001
    house.hub.close_all()
    assert await bob.close_code() == 1012


async def test_new_access_token_is_taken(house: House, connect: Any) -> None:
    house.gate.issue("alice-2", user="alice")
    wire = await connect()
    ok = {"status": "ok", "response": {}}
    assert (await wire.ask(None, "1", "phoenix", "access_token", {"access_token": "alice-2"}))[4] == ok
    refused = await wire.ask(None, "2", "phoenix", "access_token", {"token": "bob"})
    assert refused[4] == {"status": "error", "response": {"reason": "unauthorized"}}
    refused = await wire.ask(None, "3", "phoenix", "access_token", {"token": "x"})
    assert refused[4] == {"status": "error", "response": {"reason": "unauthorized"}}
    house.gate.revoke("alice")
    assert (await wire.ask(None, "4", "phoenix", "heartbeat", {}))[4] == ok


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", "null", "[1,2,3,4,5]", '["1","1","room:1"]', b"", b"\x01\x01", b"\x00\xff\xff\xff\xffx"],
)
async def test_broken_frames_end_their_own_socket_only(
    house: House, connect: Any, frame: str | bytes
) -> None:
    bad, good = await connect(), await connect("token=bob&vsn=2.0.0")
    await (bad.socket.send_str(frame) if isinstance(frame, str) else bad.socket.send_bytes(frame))
    assert await bad.close_code() == 1003
    assert (await good.ask(None, "1", "phoenix", "heartbeat", {}))[4]["status"] == "ok"


async def test_binary_push_is_refused_without_harm(connect: Any) -> None:
    wire = await connect()
    await wire.ask("1", "1", "room:1", "phx_join", {"quiet": True})
    await wire.socket.send_bytes(bytes([0, 1, 1, 6, 3]) + b"1" + b"2" + b"room:1" + b"say" + b"\x00\xff")
    refused = {"status": "error", "response": {"reason": "binary payloads are not supported"}}
    assert await wire.hear() == ["1", "2", "room:1", "phx_reply", refused]


async def test_silence_and_size_have_limits(connect: Any) -> None:
    async with open_house(socket_heartbeat_timeout=0.2, limit_socket_frame_bytes=1024) as house:
        house.gate.issue("alice")
        silent = await connect(where=house)
        big = await connect(where=house)
        await big.say(None, "1", "phoenix", "heartbeat", {"x": "y" * 2000})
        assert await big.close_code() == 1009
        assert await silent.close_code() == 1001


async def test_hanging_channel_is_cut_short(connect: Any) -> None:
    async with open_house(hook_timeout=0.1) as house:
        house.gate.issue("alice")
        wire = await connect(where=house)
        await wire.ask("1", "1", "room:1", "phx_join", {"quiet": True})
        reply = await wire.ask("1", "2", "room:1", "hang", {})
        assert reply[4] == {"status": "error", "response": {"reason": "timeout"}}
        await wire.socket.close()


async def test_channels_of_a_socket_are_limited(connect: Any) -> None:
    async with open_house(limit_topics_per_socket=1) as house:
        house.gate.issue("alice")
        wire = await connect(where=house)
        await wire.ask("1", "1", "room:1", "phx_join", {"quiet": True})
        reply = await wire.ask("2", "2", "room:2", "phx_join", {})
        assert reply[4]["response"] == {"reason": "too many channels joined"}
        await wire.socket.close()


@given(st.text() | st.binary())
def test_parser_takes_or_refuses_anything(data: str | bytes) -> None:
    for version in (1, 2):
        try:
            push = PhoenixEncoder(version).parse(data)  # type: ignore[arg-type]
        except BadFrame:
            continue
        assert isinstance(push.topic, str)


def test_message_that_is_not_json_is_left_out_for_those_who_cannot_hear_it() -> None:
    frame = PhoenixEncoder(2).encode(Message("t", "e", {"a": 1}))[0]
    assert frame.message["text"] == '[null,null,"t","e",{"a":1}]'
    assert frame.size == len('[null,null,"t","e",{"a":1}]')
