"""The routes' handlers, with principals of several accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError
from standardwebhooks import Webhook

from rallypoint.errors import Conflict, Forbidden, NotFound, Unauthorized, ValidationFailed
from rallypoint.identity.api import Principal
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.web.routing import Access, Call, Route
from rallypoint.webhooks import schemas, signing
from rallypoint.webhooks.history import History
from rallypoint.webhooks.routes import webhook_routes
from rallypoint.webhooks.sample import send_test
from support.delivery_house import House, Receiver, eventually, settings


def principal(**changes: Any) -> Principal:
    values = {
        "user_id": "owner",
        "user_number": 1,
        "account_id": "acc",
        "role": "user",
        "mode": "live",
        "credential_id": "c",
    }
    return Principal(**(values | changes))


NOBODYS = "0190a000-0000-7000-8000-0000000000ff"
OWNER = principal()
STRANGERS = [principal(account_id="other"), principal(mode="sandbox")]


class Api:
    """Calls handlers as the web layer does, and checks replies against the documented models."""

    def __init__(self, house: House, configured: Settings) -> None:
        routes = webhook_routes(
            house.database, house.targets, History(house.database, house.jobs), configured
        )
        self.routes = {(route.method, route.path): route for route in routes}

    async def __call__(
        self, who: Principal | None, method: str, path: str, *, raw: bytes = b"", **more: Any
    ) -> Any:
        route: Route = self.routes[method, path]
        headers = more.pop("headers", {})
        if route.query is not None:
            more["query"] = route.query(**more.pop("query", {}))
        if route.body is not None:
            more["body"] = route.body.model_validate_json(raw)
        reply = await route.handler(Call(who, "1.2.3.4", headers, raw, "r"), **more)
        model = route.replies[reply.status]
        assert model is not None
        return model.model_validate(reply.body).model_dump()


@pytest_asyncio.fixture
async def api(house: House) -> Api:
    return Api(house, house.settings)


WEBHOOKS = "/api/v1/webhooks"
DELIVERIES = "/api/v1/webhooks/<webhook_id>/deliveries"
REPLAY = "/api/v1/deliveries/<delivery_id>/replay"
REPLAY_RANGE = "/api/v1/webhooks/<webhook_id>/replay"
ROTATE = "/api/v1/webhooks/<webhook_id>/rotate-secret"


async def test_webhooks_are_listed_page_by_page_without_secrets(house: House, api: Api) -> None:
    made = [await house.target(f"room:{n}", "http://127.0.0.1:1/", events=["a"]) for n in range(3)]
    first = await api(OWNER, "GET", WEBHOOKS, query={"limit": 2})
    assert [one["id"] for one in first["data"]] == [made[0].id, made[1].id]
    rest = await api(OWNER, "GET", WEBHOOKS, query={"limit": 2, "after": first["next"]})
    assert [one["id"] for one in rest["data"]] == [made[2].id]
    assert rest["next"] is None
    assert rest["data"][0]["subject"] == "room:2"
    assert rest["data"][0]["events"] == ["a"]
    assert "whsec_" not in json.dumps([first, rest])


async def test_nobody_else_sees_or_touches_them(house: House, api: Api, receiver: Receiver) -> None:
    target = await house.target("room:1", receiver.url("/hook"))
    await house.happen("room:1")
    await eventually(lambda: house.states_are("delivered"))
    [delivery] = (await api(OWNER, "GET", DELIVERIES, webhook_id=target.id))["data"]
    stretch = b'{"since":"2020-01-01T00:00:00Z","until":"2030-01-01T00:00:00Z"}'
    for stranger in STRANGERS:
        assert (await api(stranger, "GET", WEBHOOKS))["data"] == []
        for method, path, raw in [
            ("GET", DELIVERIES, b""),
            ("POST", ROTATE, b""),
            ("POST", REPLAY_RANGE, stretch),
        ]:
            with pytest.raises(NotFound):
                await api(stranger, method, path, webhook_id=target.id, raw=raw)
        with pytest.raises(NotFound):
            await api(stranger, "POST", REPLAY, delivery_id=delivery["id"])
    assert len(receiver.got) == 1


@pytest.mark.parametrize("id_", ["x", "../..", NOBODYS, NOBODYS.upper(), "'"])
async def test_unknown_and_malformed_ids_are_not_found(api: Api, id_: str) -> None:
    with pytest.raises(NotFound):
        await api(OWNER, "GET", DELIVERIES, webhook_id=id_)
    with pytest.raises(NotFound):
        await api(OWNER, "POST", ROTATE, webhook_id=id_)
    with pytest.raises(NotFound):
        await api(OWNER, "POST", REPLAY, delivery_id=id_)


async def test_a_rotated_secret_signs(house: House, api: Api, receiver: Receiver) -> None:
    target = await house.target("room:1", receiver.url("/hook"))
    rotated = (await api(OWNER, "POST", ROTATE, webhook_id=target.id))["data"]
    await house.happen("room:1")
    await eventually(lambda: len(receiver.got) == 1)
    Webhook(rotated["webhook_secret"]).verify(receiver.got[0].body, receiver.got[0].headers)
    with pytest.raises(Forbidden):
        await api(principal(user_id="colleague"), "POST", ROTATE, webhook_id=target.id)
    await api(principal(user_id="chief", role="admin"), "POST", ROTATE, webhook_id=target.id)


async def test_deliveries_show_every_attempt_newest_first(house: House, api: Api, receiver: Receiver) -> None:
    receiver.answer("/hook", [500, 200])
    target = await house.target("room:1", receiver.url("/hook"))
    first, second = await house.happen("room:1"), await house.happen("room:1")
    await eventually(lambda: house.states_are("delivered", "delivered"))
    page = await api(OWNER, "GET", DELIVERIES, webhook_id=target.id, query={"limit": 1})
    assert [one["event_id"] for one in page["data"]] == [second.id]
    rest = await api(
        OWNER, "GET", DELIVERIES, webhook_id=target.id, query={"limit": 1, "after": page["next"]}
    )
    [delivery] = rest["data"]
    assert delivery["event_id"] == first.id
    assert delivery["state"] == "delivered"
    assert [one["status"] for one in delivery["attempts"]] == [500, 200]
    assert delivery["attempts"][0]["reply"] == "status 500"
    assert rest["next"] is None
    empty = await house.target("room:2", receiver.url("/hook"))
    assert await api(OWNER, "GET", DELIVERIES, webhook_id=empty.id) == {"data": [], "next": None}


async def test_a_replay_keeps_the_id_and_passes_a_waiting_lane(
    house: House, api: Api, receiver: Receiver
) -> None:
    target = await house.target("room:1", receiver.url("/hook"))
    event = await house.happen("room:1")
    await eventually(lambda: house.states_are("delivered"))
    [delivery] = (await api(OWNER, "GET", DELIVERIES, webhook_id=target.id))["data"]
    again = (await api(OWNER, "POST", REPLAY, delivery_id=delivery["id"]))["data"]
    assert again["replay_of"] == delivery["id"]
    assert again["id"] != delivery["id"]
    await eventually(lambda: house.states_are("delivered", "delivered"))
    assert [got.id for got in receiver.got] == [event.id, event.id]
    assert receiver.got[0].body == receiver.got[1].body


async def test_a_stretch_of_time_is_replayed_but_no_replays_are(
    house: House, api: Api, receiver: Receiver
) -> None:
    target = await house.target("room:1", receiver.url("/hook"))
    begun = clock.now()
    for _ in range(5):
        await house.happen("room:1")
    await eventually(lambda: len(receiver.got) == 5)
    stretch = {"since": clock.rfc3339(begun - 1000), "until": clock.rfc3339(clock.now() + 1000)}
    for expected in (10, 15):
        raw = json.dumps(stretch).encode()
        reply = await api(OWNER, "POST", REPLAY_RANGE, webhook_id=target.id, raw=raw)
        assert reply["data"] == {"replayed": 5}
        await eventually(lambda expected=expected: len(receiver.got) == expected)
    raw = b'{"since":"2020-01-01T00:00:00Z","until":"2020-01-02T00:00:00Z"}'
    reply = await api(OWNER, "POST", REPLAY_RANGE, webhook_id=target.id, raw=raw)
    assert reply["data"] == {"replayed": 0}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"since":"2020-01-02T00:00:00Z","until":"2020-01-01T00:00:00Z"}',
        b'{"since":"2020-01-01","until":"2020-01-02T00:00:00Z"}',
        b'{"since":1}',
    ],
)
def test_a_stretch_must_be_one(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        schemas.ReplayRange.model_validate_json(raw)


async def test_a_webhook_that_is_off_is_not_replayed_to(house: House, api: Api, receiver: Receiver) -> None:
    receiver.answer("/hook", [410])
    target = await house.target("room:1", receiver.url("/hook"))
    await house.happen("room:1")
    await eventually(lambda: house.states_are("failed"))
    [delivery] = (await api(OWNER, "GET", DELIVERIES, webhook_id=target.id))["data"]
    with pytest.raises(Conflict):
        await api(OWNER, "POST", REPLAY, delivery_id=delivery["id"])
    raw = b'{"since":"2020-01-01T00:00:00Z","until":"2030-01-02T00:00:00Z"}'
    with pytest.raises(Conflict):
        await api(OWNER, "POST", REPLAY_RANGE, webhook_id=target.id, raw=raw)
    [shown] = (await api(OWNER, "GET", WEBHOOKS))["data"]
    assert (shown["state"], shown["reason"]) == ("disabled", "gone")


COMPACT = b'{"event":"participant.joined","room_id":"test-room","data":{"n":1}}'
PRETTY = b'{\n "event": "participant.joined", "room_id": "test-room", "data": {"n": 1.0}\n}'


@pytest.mark.parametrize("raw", [COMPACT, PRETTY])
async def test_a_test_delivery_is_checked(api: Api, raw: bytes) -> None:
    assert api.routes["POST", "/webhooks/test"].access is Access.PUBLIC
    headers = {"x-webhook-secret": "tell", "x-webhook-signature": signing.sign("tell", COMPACT)}
    reply = await api(None, "POST", "/webhooks/test", raw=raw, headers=headers)
    assert reply["data"] == {"valid": True, "event": "participant.joined", "room_id": "test-room"}


@pytest.mark.parametrize("signature", ["", "test-signature", "0" * 64, "ä" * 64])
async def test_a_bad_test_signature_is_refused(api: Api, signature: str) -> None:
    for secret in ({"x-webhook-secret": "tell"}, {}):
        with pytest.raises(Unauthorized):
            headers = {**secret, "x-webhook-signature": signature}
            await api(None, "POST", "/webhooks/test", raw=COMPACT, headers=headers)


async def test_the_setting_is_the_secret_of_who_names_none(house: House) -> None:
    api = Api(house, settings(webhook_test_secret=SecretStr("set")))
    headers = {"x-webhook-signature": signing.sign("set", COMPACT)}
    assert (await api(None, "POST", "/webhooks/test", raw=COMPACT, headers=headers))["data"]["valid"]


async def test_the_sample_that_the_command_sends_verifies(house: House, receiver: Receiver) -> None:
    result = await send_test(receiver.url("/hook"), "whsec_" + "a" * 44, house.settings)
    assert result.ok
    [got] = receiver.got
    assert got.json["event"] == "participant.joined"
    assert signing.verify("whsec_" + "a" * 44, got.body, got.headers["x-webhook-signature"])
    with pytest.raises(ValidationFailed):
        await send_test("ftp://x/", "s", house.settings)
