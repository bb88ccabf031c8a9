"""From an event written to a delivery that the documented verifier accepts."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from support.delivery_house import House, Receiver, eventually
from support.node_lines import node_lines

VERIFIER = Path(__file__).parent / "verify.cjs"


@pytest.mark.node
async def test_a_delivery_is_accepted_by_both_kinds_of_verifier(house: House, receiver: Receiver) -> None:
    target = await house.target("room:1", receiver.url("/hook"))
    payload = {"event": "thing.happened", "data": {"b": 1.0, "2": "ü\u2028", "1": 1e-7}}
    event = await house.happen("room:1", payload)
    await eventually(lambda: len(receiver.got) == 1)
    [got] = receiver.got
    assert got.id == event.id
    assert got.body == event.body
    assert got.headers["content-type"] == "application/json"
    Webhook(target.secret).verify(got.body, got.headers)
    with node_lines(VERIFIER) as node:
        document = base64.b64encode(got.body).decode()
        assert node.ask(f"{document} {got.headers['x-webhook-signature']} {target.secret}") == "true"
        assert node.ask(f"{document} {'0' * 64} {target.secret}") == "false"


async def test_the_attempt_is_stored(house: House, receiver: Receiver) -> None:
    await house.target("room:1", receiver.url("/hook"))
    await house.happen("room:1")

    async def delivered() -> bool:
        return await house.states() == ["delivered"]

    await eventually(delivered)
    [attempt] = await house.database.fetch("SELECT * FROM webhook_attempts")
    assert attempt["status"] == 200
    assert bytes(attempt["reply"]) == b"thanks"
    assert await house.database.fetch("SELECT * FROM webhook_lanes") == []
    assert await house.database.fetch("SELECT * FROM events WHERE fan_at > 0") == []


async def test_the_event_is_pushed_at_once(house: House) -> None:
    event = await house.happen("room:1", {"a": 1})
    [message] = house.hub.messages
    assert (message.topic, message.event, message.id) == ("room:1", "thing.happened", event.id)
    assert message.raw == b'{"a":1}'
