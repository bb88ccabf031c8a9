"""Supabase Realtime on the wire, frame by frame; the published clients are tried in tests/peers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from rallypoint.realtime.channel import Message, RowChange
from support.socket_house import House, open_house


class Wire:
    """A WebSocket of serializer 2.0.0."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.ref = 0

    async def hear(self) -> Any:
        message = await self.socket.receive(5)
        assert message.type == aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def say(self, topic: str, event: str, payload: Any, join_ref: str | None = "1") -> str:
        self.ref += 1
        await self.socket.send_str(json.dumps([join_ref, str(self.ref), topic, event, payload]))
        return str(self.ref)

    async def join(self, name: str, *bindings: Any, **config: Any) -> Any:
        whole = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "postgres_changes": list(bindings),
            **config,
        }
        self.ref = 0
        await self.say(f"realtime:{name}", "phx_join", {"config": whole})
        return (await self.hear())[4]


def binding(room: str = "1", **other: Any) -> dict[str, Any]:
    return {
        "event": "*",
        "schema": "public",
        "table": "room_participants",
        "filter": f"room_id=eq.{room}",
        **other,
    }


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def connect(house: House, session: aiohttp.ClientSession) -> Any:
    async def open_wire(query: str = "apikey=alice&vsn=2.0.0", where: House = house) -> Wire:
        return Wire(await session.ws_connect(f"{where.url}/realtime/v1/websocket?{query}"))

    return open_wire


async def test_row_changes_reach_the_bindings_they_concern(house: House, connect: Any) -> None:
    wire = await connect()
    bare = {"event": "DELETE", "schema": "public", "table": "rooms"}
    reply = await wire.join("room:1", binding(), bare, binding(event="INSERT"))
    assert reply == {
        "status": "ok",
        "response": {
            "postgres_changes": [
                {**binding(), "id": 1},
                {**bare, "id": 2},
                {**binding(event="INSERT"), "id": 3},
            ]
        },
    }
    system = await wire.hear()
    assert system[2:4] == ["realtime:room:1", "system"]
    assert system[4] == {
        "extension": "postgres_changes",
        "status": "ok",
        "message": "Subscribed to PostgreSQL",
        "channel": "room:1",
    }
    said = house.channel.say("room:1", {"n": 1}, raw=b'{"n":"raw"}')
    change = await wire.hear()
    assert change[:4] == [None, None, "realtime:room:1", "postgres_changes"]
    assert change[4] == {
        "ids": [1, 3],
        "data": {
            "schema": "public",
            "table": "room_participants",
            "type": "INSERT",
            "commit_timestamp": "2025-11-07T14:00:00Z",
            "columns": [
                {"name": "id", "type": "uuid"},
                {"name": "room_id", "type": "uuid"},
                {"name": "user_id", "type": "uuid"},
                {"name": "is_active", "type": "bool"},
            ],
            "errors": None,
            "record": said.changes[0].record,
        },
    }
    event = {"type": "broadcast", "event": "said", "payload": {"n": "raw"}}
    assert await wire.hear() == [None, None, "realtime:room:1", "broadcast", event]


async def test_updates_and_deletes_carry_the_old_row(house: House, connect: Any) -> None:
    wire = await connect()
    await wire.join("any name", binding(), binding("1", table="rooms", filter="id=eq.1"))
    await wire.hear()
    old, new = {"id": "p", "room_id": "1", "is_active": True}, {"id": "p", "room_id": "1", "is_active": False}
    changes = (
        RowChange("room_participants", "UPDATE", new, old),
        RowChange("rooms", "DELETE", None, {"id": "1"}),
        RowChange("rooms", "DELETE", None, {"id": "2"}),
    )
    house.hub.publish(Message("room:1", "changed", {}, changes=changes))
    update, delete = (await wire.hear())[4], (await wire.hear())[4]
    assert update["ids"] == [1]
    assert (update["data"]["record"], update["data"]["old_record"]) == (new, old)
    assert delete["ids"] == [2]
    assert delete["data"]["old_record"] == {"id": "1"}
    assert "record" not in delete["data"]
    await wire.say("phoenix", "heartbeat", {}, None)
    assert (await wire.hear())[3] == "phx_reply"


@pytest.mark.parametrize(
    ("name", "request_", "reason"),
    [
        ("any", {"event": "*", "schema": "public", "table": "rooms"}, "need a filter"),
        ("any", binding(filter="user_id=eq.1"), "need a filter"),
        ("any", binding(filter="room_id=not.eq.1"), "need a filter"),
        ("any", binding("closed"), "not_found"),
        ("room:1", binding("closed"), "not_found"),
        ("room:closed", binding("1"), "not_found"),
        ("room:1", binding(table="users"), "no table users"),
        ("room:1", binding(schema="private"), "schema private"),
        ("room:1", binding(event="TRUNCATE"), "no TRUNCATE"),
        ("room:1", binding(filter="undefined"), "column=operator.value"),
        ("room:1", "rooms", "must be an object"),
    ],
)
async def test_bindings_that_cannot_be_served_are_refused(
    connect: Any, name: str, request_: Any, reason: str
) -> None:
    wire = await connect()
    reply = await wire.join(name, request_)
    assert reply["status"] == "error"
    assert reason in reply["response"]["reason"]
    await wire.say(f"realtime:{name}", "broadcast", {"event": "x"})
    assert (await wire.hear())[4]["response"] == {"reason": "unmatched topic"}


async def test_rows_of_rooms_one_may_not_join_never_arrive(house: House, connect: Any) -> None:
    house.gate.issue("carol", account="other")
    wire = await connect("apikey=carol&vsn=2.0.0")
    assert (await wire.join("mine", binding("acme-1")))["response"] == {"reason": "not_found"}
    assert (await wire.join("mine", binding("in.(open,acme-1)")))["status"] == "ok"
    await wire.hear()
    house.channel.say("room:acme-1", {})
    await wire.say("phoenix", "heartbeat", {}, None)
    assert (await wire.hear())[3] == "phx_reply"


async def test_version_one_and_the_old_clients_way_with_tokens(house: House, connect: Any) -> None:
    wire = await connect("apikey=alice&vsn=1.0.0")
    payload = {"config": {"postgres_changes": [binding()]}, "access_token": "alice"}
    await wire.socket.send_json(
        {"topic": "realtime:room:1", "event": "phx_join", "payload": payload, "ref": "1"}
    )
    reply = await wire.hear()
    assert (reply["ref"], reply["payload"]["status"]) == ("1", "ok")
    assert (await wire.hear())["event"] == "system"
    assert (await wire.hear())["event"] == "presence_state"
    await wire.socket.send_json(
        {
            "topic": "realtime:room:1",
            "event": "access_token",
            "payload": {"access_token": "alice"},
            "ref": "2",
        }
    )
    house.channel.say("room:1", {})
    assert (await wire.hear())["event"] == "postgres_changes"


async def test_token_of_another_user_is_refused(connect: Any) -> None:
    wire = await connect()
    await wire.say("realtime:room:1", "phx_join", {"access_token": "bob"})
    assert (await wire.hear())[4] == {"status": "error", "response": {"reason": "unauthorized"}}
    await wire.join("room:1")
    await wire.say("realtime:room:1", "access_token", {"access_token": "forged"})
    system = await wire.hear()
    assert system[3] == "system"
    assert (system[4]["status"], system[4]["extension"]) == ("error", "system")


async def test_broadcasts_reach_the_others_and_on_request_the_sender(connect: Any) -> None:
    alice, bob = await connect(), await connect("apikey=bob&vsn=2.0.0")
    await alice.join("chat", broadcast={"ack": True, "self": False})
    await bob.join("chat", broadcast={"self": True})
    body = {"type": "broadcast", "event": "hi", "payload": {"n": 1}}
    await alice.say("realtime:chat", "broadcast", body)
    assert (await alice.hear())[3:] == ["phx_reply", {"status": "ok", "response": {}}]
    assert await bob.hear() == [None, None, "realtime:chat", "broadcast", body]
    await bob.say("realtime:chat", "broadcast", body)
    assert await bob.hear() == await alice.hear() == [None, None, "realtime:chat", "broadcast", body]


async def test_channels_with_names_of_their_own_stay_in_the_account(house: House, connect: Any) -> None:
    house.gate.issue("carol", account="other")
    carol, alice = await connect("apikey=carol&vsn=2.0.0"), await connect()
    for wire, name in ((carol, "chat"), (alice, "chat")):
        await wire.join(name)
    await alice.say("realtime:chat", "broadcast", {"event": "private", "payload": {}})
    for wire in (carol, alice):
        await wire.join("room:open")
    await alice.say("realtime:room:open", "broadcast", {"event": "shared", "payload": {}})
    heard = await carol.hear()
    assert heard[4]["event"] == "shared"


async def test_binary_broadcasts(connect: Any) -> None:
    def push(encoding: int, payload: bytes) -> bytes:
        fields = [b"1", b"9", b"realtime:chat", b"draw", b""]
        return bytes([3, *map(len, fields), encoding]) + b"".join(fields) + payload

    alice, bob = await connect(), await connect("apikey=bob&vsn=2.0.0")
    old = await connect("apikey=bob&vsn=1.0.0")
    await old.socket.send_json({"topic": "realtime:chat", "event": "phx_join", "payload": {}, "ref": "1"})
    assert (await old.hear())["payload"]["status"] == "ok"
    assert (await old.hear())["event"] == "presence_state"
    for wire in (alice, bob):
        await wire.join("chat")
    await alice.socket.send_bytes(push(0, b"\x00\xff"))
    binary = await bob.socket.receive(5)
    assert binary.data == bytes([4, 13, 4, 0, 0]) + b"realtime:chatdraw\x00\xff"
    await alice.socket.send_bytes(push(1, b'{"x":1}'))
    body = {"event": "draw", "payload": {"x": 1}, "type": "broadcast"}
    assert (await bob.hear())[4] == body
    assert (await old.hear())["payload"] == body
    await alice.socket.send_bytes(bytes([0, 1, 1, 13, 1]) + b"19realtime:chatx\x00")
    assert (await alice.hear())[4]["response"] == {"reason": "binary payloads are for broadcasts alone"}


@pytest.mark.parametrize(
    "frame",
    [
        b"\x03",
        b"\x03\x05\x05\x05\x05\x05\x01x",
        b"\x03\x00\x00\x00\x00\x00\x01{",
        b"\x03\x00\x00\x00\x00\x00\x07",
        b"\x09\x00",
    ],
)
async def test_broken_binary_frames_end_their_own_socket_only(connect: Any, frame: bytes) -> None:
    bad, good = await connect(), await connect()
    await bad.socket.send_bytes(frame)
    assert (await bad.socket.receive(5)).type == aiohttp.WSMsgType.CLOSE
    assert bad.socket.close_code == 1003
    assert (await good.join("chat"))["status"] == "ok"


async def test_presence_between_clients(connect: Any) -> None:
    alice, bob = await connect(), await connect("apikey=bob&vsn=2.0.0")
    await alice.join("room:1", presence={"key": "alice", "enabled": True})
    assert (await alice.hear())[3:] == ["presence_state", {}]
    await alice.say(
        "realtime:room:1", "presence", {"type": "presence", "event": "track", "payload": {"mood": "up"}}
    )
    joins = (await alice.hear())[4]["joins"]["alice"]["metas"][0]
    assert joins["mood"] == "up"
    assert (await alice.hear())[4]["status"] == "ok"
    await bob.join("room:1", presence={"key": "bob", "enabled": True})
    assert (await bob.hear())[4] == {"alice": {"metas": [joins]}}
    await alice.say("realtime:room:1", "presence", {"event": "track", "payload": {"mood": "down"}})
    diff = (await bob.hear())[4]
    assert diff["leaves"]["alice"]["metas"] == [joins]
    assert diff["joins"]["alice"]["metas"][0]["phx_ref_prev"] == joins["phx_ref"]
    await alice.say("realtime:room:1", "presence", {"event": "untrack"})
    assert list((await bob.hear())[4]["leaves"]) == ["alice"]
    await bob.say("realtime:room:1", "presence", {"event": "dance"})
    assert (await bob.hear())[4]["response"] == {"reason": "unmatched event"}


async def test_leaving_ends_the_channel_and_joining_again_replaces_it(house: House, connect: Any) -> None:
    wire = await connect()
    await wire.join("room:1", binding())
    await wire.hear()
    await wire.say("realtime:room:1", "phx_join", {"config": {}}, "7")
    assert (await wire.hear())[:4] == ["1", "1", "realtime:room:1", "phx_close"]
    assert (await wire.hear())[:2] == ["7", "2"]
    assert (await wire.hear())[3] == "presence_state"
    await wire.say("realtime:room:1", "phx_leave", {}, "1")
    house.channel.say("room:1", {})
    assert (await wire.hear())[3] == "broadcast"
    await wire.say("realtime:room:1", "phx_leave", {}, "7")
    assert [(await wire.hear())[3] for _ in range(2)] == ["phx_reply", "phx_close"]
    house.channel.say("room:1", {})
    await wire.say("realtime:room:1", "dance", {}, "7")
    assert (await wire.hear())[4]["response"] == {"reason": "unmatched topic"}
    await wire.say("room:1", "phx_join", {}, "9")
    assert (await wire.hear())[4]["response"] == {"reason": "unmatched topic"}


@pytest.mark.parametrize(
    "query", ["", "apikey=undefined", "apikey=nobody&vsn=2.0.0", "apikey=alice&vsn=9.0.0"]
)
async def test_bad_handshakes_are_refused(house: House, session: aiohttp.ClientSession, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect(f"{house.url}/realtime/v1/websocket?{query}")
    assert refused.value.status == 403


async def test_broadcasts_over_http(house: House, session: aiohttp.ClientSession, connect: Any) -> None:
    wire = await connect()
    await wire.join("chat/1")
    await wire.join("room:1")
    url = f"{house.url}/realtime/v1/api/broadcast"
    messages = [{"topic": name, "event": "hi", "payload": {"n": 1}} for name in ("chat/1", "room:1")]
    async with session.post(url, json={"messages": messages}, headers={"apikey": "bob"}) as reply:
        assert reply.status == 202
    body = {"type": "broadcast", "event": "hi", "payload": {"n": 1}}
    assert await wire.hear() == [None, None, "realtime:chat/1", "broadcast", body]
    assert await wire.hear() == [None, None, "realtime:room:1", "broadcast", body]
    one = f"{url}/chat%2F1/events/hi"
    headers = {"Authorization": "Bearer bob", "Origin": "http://localhost:5173"}
    async with session.post(one, json={"n": 2}, headers=headers) as reply:
        assert reply.status == 202
        assert reply.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert (await wire.hear())[4] == {**body, "payload": {"n": 2}}
    async with session.options(url, headers=headers) as reply:
        assert reply.status == 204
        assert "apikey" in reply.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    ("method", "path", "token", "body", "status"),
    [
        ("POST", "", "", b"{}", 401),
        ("POST", "", "nobody", b"{}", 401),
        ("POST", "", "alice", b"{", 400),
        ("POST", "", "alice", b"{}", 400),
        ("POST", "", "alice", b'{"messages":[{"topic":1}]}', 400),
        ("POST", "", "alice", b'{"messages":[{"topic":"room:closed","event":"x"}]}', 403),
        ("POST", "/a/b/c/d", "alice", b"{}", 404),
        ("GET", "", "alice", b"", 404),
        ("POST", "", "alice", b" " * 200_000, 413),
    ],
)
async def test_bad_http_broadcasts_are_refused(
    house: House, session: aiohttp.ClientSession, method: str, path: str, token: str, body: bytes, status: int
) -> None:
    url = f"{house.url}/realtime/v1/api/broadcast{path}"
    headers = {"apikey": token} if token else {}
    async with session.request(method, url, data=body, headers=headers) as reply:
        assert reply.status == status
        assert "error" in await reply.json()


async def test_http_broadcasts_are_limited(session: aiohttp.ClientSession) -> None:
    async with open_house(limit_socket_events=0.001, limit_socket_burst=2) as house:
        house.gate.issue("alice")
        url = f"{house.url}/realtime/v1/api/broadcast"
        statuses = []
        for _ in range(3):
            async with session.post(url, json={"messages": []}, headers={"apikey": "alice"}) as reply:
                statuses.append(reply.status)
        assert statuses == [202, 202, 429]
        assert reply.headers["Retry-After"] == "1"
