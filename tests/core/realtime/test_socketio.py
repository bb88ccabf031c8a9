"""Socket.IO as real clients see it, on WebSocket and on long polling."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import socketio
from socketio.exceptions import ConnectionError as RefusedByServer

from rallypoint.realtime.channel import Message
from rallypoint.storage import clock
from support.socket_house import House, open_house

# python-socketio's client leaves its aiohttp connection to the collector when the server ends it.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Unclosed connection:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


class Client:
    """A python-socketio client that keeps what it receives."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.sio = socketio.AsyncClient(reconnection=False, http_session=session)
        self.received: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.sio.on("*", self._keep)
        self.sio.on("disconnect", self._gone)

    async def connect(self, house: House, token: str = "alice", transport: str = "websocket") -> Client:
        await self.sio.connect(house.url, auth={"token": token}, transports=[transport])
        return self

    async def call(self, event: str, **data: Any) -> Any:
        return await self.sio.call(event, data, timeout=5)

    async def next(self, event: str = "") -> Any:
        async with asyncio.timeout(5):
            while True:
                name, data = await self.received.get()
                if not event or name == event:
                    return data if event else (name, data)

    async def _keep(self, event: str, data: Any) -> None:
        self.received.put_nowait((event, data))

    async def _gone(self, _reason: str) -> None:
        self.gone.set()


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Callable[[], Client]]:
    made: list[Client] = []

    async with aiohttp.ClientSession() as session:

        def client() -> Client:
            made.append(Client(session))
            return made[-1]

        yield client
        for each in made:
            await each.sio.shutdown()


@pytest.fixture
def new(make: Callable[[], Client], house: House) -> Any:
    async def connect(token: str = "alice", transport: str = "websocket") -> Client:
        return await make().connect(house, token, transport)

    return connect


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_member_receives_what_is_published(house: House, new: Any, transport: str) -> None:
    client = await new(transport=transport)
    assert await client.call("join", topic="room:1", params={}) == {
        "status": "ok",
        "response": {"room": {"id": "1"}},
    }
    said = house.channel.say("room:1", {"text": "héllo"}, raw='{"text":"héllo"}'.encode())
    assert await client.next("said") == {
        "topic": "room:1",
        "payload": {"text": "héllo"},
        "id": said.id,
        "at": "2025-11-07T14:00:00Z",
    }


async def test_upgrade_from_polling_loses_nothing_and_keeps_order(house: House, make: Any) -> None:
    upgraded, polling = make(), make()
    await upgraded.sio.connect(house.url, auth={"token": "alice"})
    assert upgraded.sio.transport() == "websocket"
    await polling.connect(house, transport="polling")
    for client in (upgraded, polling):
        assert (await client.call("join", topic="room:1"))["status"] == "ok"
    for number in range(200):
        house.channel.say("room:1", {"n": number})
        if number % 20 == 0:
            await asyncio.sleep(0)
    for client in (upgraded, polling):
        assert [(await client.next("said"))["payload"]["n"] for _ in range(200)] == list(range(200))


@pytest.mark.parametrize("auth", [None, {}, {"token": ""}, {"token": 7}, {"token": "nobody"}, "alice"])
async def test_bad_token_refuses_the_connection(house: House, make: Any, auth: Any) -> None:
    client = make().sio
    reasons: list[Any] = []
    client.on("connect_error", reasons.append)
    with pytest.raises(RefusedByServer):
        await client.connect(house.url, auth=auth, transports=["websocket"])
    assert reasons == [{"message": "unauthorized"}]


async def test_join_of_a_forbidden_topic_says_why(new: Any) -> None:
    client = await new()
    for topic, reason in [
        ("room:closed", "not_found"),
        ("room:broken", "internal error"),
        ("nothing:1", "unmatched topic"),
        ("room:1:2", "unmatched topic"),
        ("room:" + "x" * 300, "unmatched topic"),
    ]:
        assert await client.call("join", topic=topic) == {"status": "error", "response": {"reason": reason}}


@pytest.mark.parametrize("data", [None, 1, "room:1", [], {"topic": 1}, {"topic": "room:1", "since": 5}])
async def test_malformed_join_is_answered(new: Any, data: Any) -> None:
    client = await new()
    answer = await client.sio.call("join", data, timeout=5)
    assert answer == {"status": "error", "response": {"reason": "bad request"}}
    assert (await client.call("join", topic="room:1", params="odd"))["status"] == "ok"


async def test_events_of_members_are_acknowledged_and_spread(new: Any) -> None:
    alice, bob = await new("alice"), await new("bob")
    for client in (alice, bob):
        await client.call("join", topic="room:1")
    said = await alice.call("say", topic="room:1", payload={"text": "hi"})
    assert said["status"] == "ok"
    assert (await alice.next("said"))["id"] == (await bob.next("said"))["id"] == said["response"]["id"]
    assert await alice.call("typing", topic="room:1", payload={"typing": True}) == {
        "status": "ok",
        "response": {},
    }
    assert (await bob.next("typing"))["payload"] == {"typing": True}
    await alice.call("say", topic="room:1", payload={})
    assert (await alice.next())[0] == "said"


@pytest.mark.parametrize(
    ("event", "topic", "reason"),
    [
        ("say", "room:2", "unmatched topic"),
        ("dance", "room:1", "unmatched event"),
        ("forbidden", "room:1", "forbidden"),
        ("fail", "room:1", "internal error"),
    ],
)
async def test_refused_events_say_why(new: Any, event: str, topic: str, reason: str) -> None:
    client = await new()
    await client.call("join", topic="room:1")
    assert await client.call(event, topic=topic) == {"status": "error", "response": {"reason": reason}}


async def test_after_leaving_nothing_arrives(house: House, new: Any) -> None:
    client = await new()
    await client.call("join", topic="room:1")
    await client.call("join", topic="room:2")
    assert await client.call("leave", topic="room:1") == {"status": "ok", "response": {}}
    assert (await client.call("leave", topic="room:1"))["status"] == "ok"
    house.channel.say("room:1", {})
    house.channel.say("room:2", {})
    assert (await client.next("said"))["topic"] == "room:2"


async def test_presence_follows_the_join_and_tells_of_others(new: Any) -> None:
    alice = await new("alice")
    await alice.call("join", topic="room:1")
    name, state = await alice.next()
    assert name == "presence_state"
    meta = state["payload"]["user:alice"]["metas"][0]
    assert meta["user_id"] == "alice"
    assert meta["phx_ref"]
    bob = await new("bob")
    await bob.call("join", topic="room:1")
    assert set((await bob.next("presence_state"))["payload"]) == {"user:alice", "user:bob"}
    joins = await alice.next("presence_diff")
    assert list(joins["payload"]["joins"]) == ["user:bob"]
    assert joins["payload"]["leaves"] == {}
    await bob.sio.disconnect()
    leaves = (await alice.next("presence_diff"))["payload"]
    assert leaves["leaves"]["user:bob"]["metas"] == joins["payload"]["joins"]["user:bob"]["metas"]


async def test_since_replays_what_was_missed(house: House, new: Any) -> None:
    first, second, third = (house.channel.say("room:1", {"n": n}) for n in range(3))
    client = await new()
    answer = await client.call("join", topic="room:1", since=first.id, params={"quiet": True})
    assert "resync" not in answer["response"]
    assert [(await client.next())[1]["id"] for _ in range(2)] == [second.id, third.id]
    other = await new()
    answer = await other.call("join", topic="room:1", since="long ago")
    assert answer["response"]["resync"] is True


async def test_what_is_published_during_a_join_arrives_after_its_reply(house: House, new: Any) -> None:
    known = house.channel.say("room:1", {"n": 0})
    client = await new()
    house.channel.joining.clear()
    house.channel.may_join.clear()
    joining = asyncio.create_task(client.call("join", topic="room:1", since=known.id, params={"quiet": True}))
    await house.channel.joining.wait()
    during = [house.channel.say("room:1", {"n": n}) for n in (1, 2)]
    house.hub.publish(Message("room:1", "ephemeral", {}))
    assert client.received.empty()
    house.channel.may_join.set()
    await joining
    names = [await client.next() for _ in range(3)]
    assert [data["id"] for _, data in names] == [*(message.id for message in during), None]


async def test_fifty_first_connection_of_a_user_is_refused(make: Any) -> None:
    async with open_house(limit_sockets_per_user=2) as house:
        house.gate.issue("alice")
        house.gate.issue("alice-too", user="alice")
        house.gate.issue("bob")
        held = []
        for token in ("alice", "alice-too", "bob"):
            held.append(await make().connect(house, token))
        refused = make().sio
        reasons: list[Any] = []
        refused.on("connect_error", reasons.append)
        with pytest.raises(RefusedByServer):
            await refused.connect(house.url, auth={"token": "alice"}, transports=["websocket"])
        assert reasons == [
            {"message": "too many connections", "data": {"status": 429, "code": "RATE_LIMITED"}}
        ]
        await held[0].sio.disconnect()
        await asyncio.sleep(0.05)
        held.append(await make().connect(house, "alice"))
        for client in held:
            await client.sio.disconnect()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_revoked_token_ends_its_sockets_at_once(house: House, new: Any, transport: str) -> None:
    alice, bob = await new("alice", transport), await new("bob", transport)
    for client in (alice, bob):
        await client.call("join", topic="room:1", params={"quiet": True})
    house.gate.revoke("alice")
    house.channel.say("room:1", {})
    assert await alice.next() == ("dropped", {"code": 1001, "reason": "credential revoked"})
    await asyncio.wait_for(alice.gone.wait(), 5)
    assert (await bob.next())[0] == "said"
    assert alice.received.empty()


async def test_expired_token_has_a_grace_period_to_be_renewed(make: Any) -> None:
    async with open_house(socket_token_grace=2.0) as house:
        soon = clock.now() + 1000
        for token in ("kept", "lost"):
            house.gate.issue(token, user="alice", expires_at=soon)
        house.gate.issue("fresh", user="alice", expires_at=clock.now() + 60_000)
        house.gate.issue("stranger", user="mallory")
        kept, lost = await make().connect(house, "kept"), await make().connect(house, "lost")
        await asyncio.sleep(1.1)
        assert kept.sio.connected
        assert lost.sio.connected
        for token, reason in [
            ("stranger", "unauthorized"),
            ("none", "unauthorized"),
            ("kept", "unauthorized"),
        ]:
            answer = await kept.call("access_token", token=token)
            assert answer == {"status": "error", "response": {"reason": reason}}
        assert (await kept.call("access_token", token="fresh"))["status"] == "ok"
        await asyncio.wait_for(lost.gone.wait(), 5)
        assert await lost.next("dropped") == {"code": 1001, "reason": "access token expired"}
        assert (await kept.call("join", topic="room:1"))["status"] == "ok"


async def test_inbound_events_are_limited_and_a_flood_ends_the_connection(make: Any) -> None:
    async with open_house(limit_socket_events=0.001, limit_socket_burst=3) as house:
        house.gate.issue("alice")
        client = await make().connect(house)
        await client.call("join", topic="room:1")
        answers = [
            await client.call(event, topic="room:1") for event in ("say", "leave", "say", "join", "leave")
        ]
        limited = {"status": "error", "response": {"reason": "rate limited"}}
        assert [answer == limited for answer in answers] == [False, False, True, True, True]
        assert await client.call("access_token", token="alice") == limited
        for _ in range(40):
            await client.sio.emit("say", {"topic": "room:1"})
        await asyncio.wait_for(client.gone.wait(), 5)
        assert (await client.next("dropped"))["code"] == 1008


async def test_topics_of_a_connection_are_limited(make: Any) -> None:
    async with open_house(limit_topics_per_socket=2) as house:
        house.gate.issue("alice")
        client = await make().connect(house)
        answers = [await client.call("join", topic=f"room:{number}") for number in (1, 2, 2, 3)]
        assert [answer["status"] for answer in answers] == ["ok", "ok", "ok", "error"]
        assert answers[3]["response"] == {"reason": "too many channels joined"}


@pytest.mark.parametrize(
    "frame", ["", "x", "b!", "٣", "9", "2probe", "42", '42["join"', "51-[]", "44{}", b"\x00", "4" * 200_000]
)
async def test_broken_frames_harm_nobody_else(house: House, new: Any, frame: str | bytes) -> None:
    client = await new()
    await client.call("join", topic="room:1", params={"quiet": True})
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as raw,
    ):
        await raw.send_str('40{"token":"bob"}')
        assert (await raw.receive_str()).startswith("0")
        assert (await raw.receive_str()).startswith("40")
        await (raw.send_str(frame) if isinstance(frame, str) else raw.send_bytes(frame))
        house.channel.say("room:1", {})
        assert (await client.next("said"))["topic"] == "room:1"


@pytest.mark.parametrize(
    ("origin", "status"), [("http://localhost:5173", 200), ("same", 200), ("https://evil.example", 400)]
)
async def test_origins_follow_the_setting(house: House, origin: str, status: int) -> None:
    headers = {"Origin": house.url if origin == "same" else origin}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{house.url}/socket.io/?EIO=4&transport=polling", headers=headers) as reply,
    ):
        assert reply.status == status


async def test_restart_sends_clients_away_so_that_they_come_back(house: House) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as raw,
    ):
        await raw.send_str('40{"token":"bob"}')
        await raw.receive_str()
        await raw.receive_str()
        house.hub.close_all()
        assert await raw.receive_str() == '42["dropped",{"code":1012,"reason":"server restart"}]'
        assert (await raw.receive()).type == aiohttp.WSMsgType.CLOSE
        assert raw.close_code == 1012


async def test_clients_that_never_authenticate_are_sent_away() -> None:
    async with open_house(socket_authentication_timeout=0.5) as house, aiohttp.ClientSession() as session:
        url = f"{house.url}/socket.io/?EIO=4&transport="
        house.gate.issue("alice")
        idle, known = await session.ws_connect(url + "websocket"), await session.ws_connect(url + "websocket")
        await known.send_str('40{"token":"alice"}')
        async with session.get(url + "polling") as reply:
            opened = json.loads((await reply.text())[1:])
        # Begun before it is sent away: afterwards there may be no session to ask for any more.
        polling = asyncio.ensure_future(session.get(f"{url}polling&sid={opened['sid']}"))
        assert (await idle.receive_str())[0] == "0"
        assert (await idle.receive(5)).type == aiohttp.WSMsgType.CLOSE
        assert idle.close_code == 1008
        async with await polling as reply:
            assert (await reply.text()).split("\x1e")[-1] == "1"
        assert house.hub.connections == 1
        await known.send_str('42["dance",{}]')
        assert [(await known.receive_str())[0] for _ in range(2)] == ["0", "4"]
        await known.close()
