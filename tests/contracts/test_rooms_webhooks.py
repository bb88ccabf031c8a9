"""The documented way of a room's events: to its webhook, accepted by rooms.md's verifier, and to sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
import socketio

from contracts.node import Receiver
from rallypoint.storage.ids import new_id
from rallypoint.testing.server import ServerProcess

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    running = Receiver().start()
    yield running
    running.stop()


def create_with_hook(caller, receiver, **fields):
    hook = new_id()
    status, reply = caller(
        "POST", "/api/v1/rooms", {"name": "Hooked", "webhook_url": receiver.url(hook), **fields}
    )
    assert status == 201, reply
    receiver.trust(hook, reply["data"]["webhook_secret"])
    return hook, reply["data"]


def test_every_documented_event_arrives_in_order_and_verifies(alice, receiver):
    hook, room = create_with_hook(alice, receiver)
    path = f"/api/v1/rooms/{room['id']}"
    stay = alice("POST", f"{path}/join", {"camera_enabled": True})[1]["data"]
    alice("PATCH", path, {"name": "Nouveau nom \u2028 \U0001f44b"})
    alice("POST", f"{path}/end")
    results = receiver.wait_for(hook, 5)
    events = ["room.created", "participant.joined", "room.updated", "participant.left", "room.ended"]
    # The very first delivery may be on its way before the receiver has been told the secret; it is then retried.
    accepted = [one for one in results if one["accepted"]]
    assert [one["event"] for one in accepted] == events
    joined = accepted[1]["payload"]
    assert joined["room_id"] == room["id"]
    assert joined["user_id"] == stay["user_id"]
    assert joined["data"]["participant"] == stay
    assert joined["data"]["room"]["current_participants"] == 1
    assert accepted[4]["payload"]["data"]["room"]["status"] == "ended"


def test_the_documented_verifier_accepts_a_thousand_random_deliveries(alice, receiver):
    hook, room = create_with_hook(alice, receiver)
    path, rng = f"/api/v1/rooms/{room['id']}", random.Random(7)
    receiver.wait_for(hook, 1)

    def text(length):
        return "".join(
            chr(rng.choice([rng.randint(32, 0xD7FF), rng.randint(0xE000, 0x10FFFF)])) for _ in range(length)
        )

    for number in range(1000):
        tags = [text(rng.randint(1, 50)) for _ in range(rng.randint(0, 20))]
        body = {"name": f"{number} {text(50)}", "description": text(rng.randint(0, 3000)), "tags": tags}
        status, reply = alice("PATCH", path, body)
        assert status == 200, reply
    results = receiver.wait_for(hook, 1001, seconds=60)
    updates = [one for one in results if one["event"] == "room.updated"]
    assert len({one["id"] for one in updates}) == 1000
    assert all(one["accepted"] for one in updates)
    numbers = [int(one["payload"]["data"]["room"]["name"].split(" ")[0]) for one in updates]
    assert numbers == list(range(1000))


async def test_a_socket_sees_the_same_event_as_the_webhook(alice, receiver):
    hook, room = await asyncio.to_thread(create_with_hook, alice, receiver)
    seen: asyncio.Queue[dict] = asyncio.Queue()
    client = socketio.AsyncClient()
    client.on("participant.joined", seen.put_nowait)
    await client.connect(alice.server.url, auth={"token": alice.token}, transports=["websocket"])
    try:
        ack = await client.call("join", {"topic": f"room:{room['id']}"})
        assert ack["status"] == "ok"
        assert ack["response"]["room"]["id"] == room["id"]
        await asyncio.to_thread(alice, "POST", f"/api/v1/rooms/{room['id']}/join")
        event = await asyncio.wait_for(seen.get(), 10)
    finally:
        await client.disconnect()
    results = await asyncio.to_thread(receiver.wait_for, hook, 2)
    delivered = next(one for one in results if one["event"] == "participant.joined")
    assert event["payload"] == delivered["payload"]
    assert event["id"] == delivered["id"]
    assert event["topic"] == f"room:{room['id']}"


def test_a_kill_between_commit_and_delivery_loses_nothing(tmp_path, receiver):
    env = {"RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on", "RALLYPOINT_WEBHOOK_RETRY_BASE": "0.2"}
    server, away = ServerProcess(tmp_path, env), Receiver().start()
    away.stop()  # its port is known and nobody listens
    with server:
        token = server.register("kill@example.com")
        status, reply = server.request(
            "POST", "/api/v1/rooms", {"name": "Kept", "webhook_url": away.url("kept")}, token=token
        )
        assert status == 201
        path = f"/api/v1/rooms/{reply['data']['id']}"
        assert server.request("POST", f"{path}/join", {}, token=token)[0] == 201
        server.kill()
        away.start()
        away.trust("kept", reply["data"]["webhook_secret"])
        try:
            server.start()
            results = away.wait_for("kept", 2)
        finally:
            away.stop()
    assert [(one["event"], one["accepted"]) for one in results] == [
        ("room.created", True),
        ("participant.joined", True),
    ]
