"""The hub by itself: topics, several hubs on one bus, and clients that do not keep up."""

from __future__ import annotations

import asyncio
import base64
import os
import socket as sockets
from typing import Any

import aiohttp
import pytest

from rallypoint.realtime.bus import LocalBus
from rallypoint.realtime.channel import Channel, Join, Joined, Message, Refused
from rallypoint.realtime.connection import Connection
from rallypoint.realtime.hub import Hub
from rallypoint.realtime.limits import Bucket
from rallypoint.realtime.outbound import Frame
from rallypoint.realtime.phoenix import PhoenixEncoder
from rallypoint.realtime.presence import Presence
from rallypoint.realtime.topics import Channels
from rallypoint.settings import Settings
from support.socket_house import Gate, RoomChannel, open_house


class Plain(Channel):
    """Lets everybody in, as the base class does the rest."""

    pattern = "plain:{name}"
    accepts = frozenset({"anything"})

    async def join(self, join: Join) -> Joined:
        return Joined()


class Ear(Connection):
    """A connection that keeps its frames."""

    def __init__(self, gate: Gate, token: str = "alice") -> None:
        gate.issue(token)
        self.heard: list[Any] = []
        self.closed: list[int] = []
        super().__init__(gate._principals[token], PhoenixEncoder(2), self._hear)

    def _hear(self, frame: Frame) -> None:
        self.heard.append(frame.message["text"])

    def close(self, code: int, reason: str) -> None:
        self.closed.append(code)


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **changes)  # type: ignore[call-arg]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def hub() -> Hub:
    made = Hub(settings())
    made.add_channel(RoomChannel(made))
    made.add_channel(Plain())
    return made


async def enter(hub: Hub, ear: Ear, topic: str) -> None:
    await hub.connect(ear)
    hub.open(await hub.join(ear, topic, {"quiet": True}))


def test_two_channels_of_one_pattern_collide() -> None:
    channels = Channels()
    channels.add(Plain())
    with pytest.raises(ValueError, match=r"plain:\{other\}"):
        channels.add(type("Other", (Plain,), {"pattern": "plain:{other}"})())


def test_literal_topics_come_before_variables() -> None:
    channels = Channels()
    lobby = type("Lobby", (Plain,), {"pattern": "plain:lobby"})()
    channels.add(Plain())
    channels.add(lobby)
    assert channels.find("plain:lobby") == (lobby, {})
    found = channels.find("plain:x.y")
    assert found is not None
    assert found[1] == {"name": "x.y"}
    assert channels.find("plain:") is channels.find("plain:a:b") is channels.find("xplain:a") is None


async def test_bases_of_a_channel_refuse_and_resync(hub: Hub, gate: Gate) -> None:
    ear = Ear(gate)
    await hub.connect(ear)
    member = await hub.join(ear, "plain:1", {}, since="x")
    assert member.response == {"resync": True}
    with pytest.raises(Refused, match="unmatched topic"):
        await hub.receive(ear, "plain:1", "anything", {})
    hub.open(member)
    with pytest.raises(Refused, match="unmatched event"):
        await hub.receive(ear, "plain:1", "anything", {})
    assert Plain().topic_of("rooms", "id", "1") is None


async def test_hubs_on_one_bus_hear_each_other_once(gate: Gate) -> None:
    bus = LocalBus()
    near, far = Hub(settings(), bus), Hub(settings(), bus)
    ears = []
    for number, each in enumerate((near, far)):
        each.add_channel(Plain())
        ears.append(Ear(gate, f"user{number}"))
        await enter(each, ears[-1], "plain:1")
    near.publish(Message("plain:1", "hi", {}))
    assert [ear.heard for ear in ears] == [['[null,null,"plain:1","hi",{}]']] * 2


async def test_a_message_that_cannot_be_encoded_harms_nobody(hub: Hub, gate: Gate) -> None:
    ear = Ear(gate)
    await enter(hub, ear, "plain:1")
    hub.publish(Message("plain:1", "bad", {"x": object()}))
    hub.publish(Message("plain:1", "good", {}))
    assert ear.heard == ['[null,null,"plain:1","good",{}]']


async def test_leaving_during_a_join_leaves_nothing_behind(hub: Hub, gate: Gate) -> None:
    ear = Ear(gate)
    await hub.connect(ear)
    channel = next(channel for channel in hub.channels if isinstance(channel, RoomChannel))
    channel.may_join.clear()
    joining = asyncio.create_task(hub.join(ear, "room:1", {}))
    await channel.joining.wait()
    hub.disconnect(ear)
    channel.may_join.set()
    with pytest.raises(Refused, match="closed"):
        await joining
    hub.publish(Message("room:1", "hi", {}))
    assert ear.heard == []
    assert hub.presence("room:1") == {}
    with pytest.raises(Refused, match="closed"):
        await hub.join(ear, "room:1", {})


async def test_a_member_left_before_it_is_opened_stays_out(hub: Hub, gate: Gate) -> None:
    ear = Ear(gate)
    await hub.connect(ear)
    member = await hub.join(ear, "room:1", {})
    hub.leave(ear, "room:1")
    hub.open(member)
    hub.publish(Message("room:1", "hi", {}))
    assert ear.heard == []
    assert hub.presence("room:1") == {}


async def test_what_a_slow_join_holds_back_is_bounded(hub: Hub, gate: Gate) -> None:
    ear = Ear(gate)
    await hub.connect(ear)
    member = await hub.join(ear, "plain:1", {})
    for number in range(1500):
        hub.publish(Message("plain:1", "n", {"n": number}))
    hub.open(member)
    assert len(ear.heard) == 1000


async def test_several_tabs_of_a_user_are_one_key(hub: Hub, gate: Gate) -> None:
    ears = [Ear(gate), Ear(gate)]
    for ear in ears:
        await hub.connect(ear)
        hub.open(await hub.join(ear, "room:1", {}))
    assert len(hub.presence("room:1")["user:alice"]["metas"]) == 2
    hub.disconnect(ears[0])
    assert len(hub.presence("room:1")["user:alice"]["metas"]) == 1
    assert '"leaves":{"user:alice"' in ears[1].heard[-1]


def test_untracking_twice_says_nothing() -> None:
    presence = Presence()
    ref, _ = presence.track("t", "k", {})
    assert presence.untrack("t", "k", ref)["leaves"]
    assert presence.untrack("t", "k", ref) == {"joins": {}, "leaves": {}}


def test_bucket_refills_at_its_rate() -> None:
    at = 0.0
    bucket = Bucket(2, 3, lambda: at)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    at = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    at = 100
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


async def deaf(url: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket whose client stops reading once its small window is full."""
    host, port = url.removeprefix("http://").split(":")
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def masked(text: str) -> bytes:
    data = text.encode()
    assert len(data) < 126
    return bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data


@pytest.mark.parametrize("transport", ["phoenix", "socketio"])
async def test_slow_client_is_dropped_and_delays_nobody(transport: str) -> None:
    path, hellos = {
        "phoenix": (
            "/socket/websocket?token=slow&vsn=2.0.0",
            ['["1","1","room:1","phx_join",{"quiet":true}]'],
        ),
        "socketio": (
            "/socket.io/?EIO=4&transport=websocket",
            ['40{"token":"slow"}', '420["join",{"topic":"room:1","params":{"quiet":true}}]'],
        ),
    }[transport]
    async with open_house(socket_queue_frames=20) as house, aiohttp.ClientSession() as session:
        for token in ("slow", "quick"):
            house.gate.issue(token)
        reader, writer = await deaf(house.url, path)  # reads on only after it has been dropped
        for hello in hellos:
            writer.write(masked(hello))
        quick = await session.ws_connect(f"{house.url}/socket/websocket?token=quick&vsn=2.0.0")
        await quick.send_str('["1","1","room:1","phx_join",{"quiet":true}]')
        await quick.receive()
        await asyncio.sleep(0.1)
        assert house.hub.members("room:1") == 2
        sent = 0
        async with asyncio.timeout(20):
            while house.hub.members("room:1") == 2:
                house.channel.say("room:1", {"text": "x" * 50_000})
                sent += 1
                assert (await quick.receive()).type == aiohttp.WSMsgType.TEXT
        assert sent > 20
        assert house.hub.connections == 1
        closing = (1013).to_bytes(2, "big") + b"slow client"
        rest = b""
        async with asyncio.timeout(10):
            while not rest.endswith(closing):
                rest = (rest + await reader.read(65536))[-100:]
        writer.close()
        await writer.wait_closed()
        await quick.close()
