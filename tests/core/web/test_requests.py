from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rallypoint.errors import Conflict
from rallypoint.web import requests
from rallypoint.web.routing import Access, Call, Done, Reply, Routes
from rallypoint.web.server import RouteConflict

from .asgi import BEARER, ask
from .conftest import USER, House

ITEMS = "/api/v1/rooms/items"
OPERATOR_BEARER = {"authorization": "bearer operator-token"}


async def test_a_route_answers_what_its_handler_returns(house: House) -> None:
    got = await ask(house.web.asgi, "GET", f"{ITEMS}?limit=2&unknown=1", headers=BEARER)
    assert got.status == 200
    assert got.json() == {"data": [{"name": "0", "size": 0}, {"name": "1", "size": 1}], "next": None}
    assert got.headers["content-type"] == "application/json"
    assert got.headers["content-length"] == str(len(got.body))


async def test_head_answers_the_headers_of_get(house: House) -> None:
    got = await ask(house.web.asgi, "HEAD", ITEMS, headers=BEARER)
    same = await ask(house.web.asgi, "GET", ITEMS, headers=BEARER)
    assert (got.status, got.body, got.headers["content-length"]) == (200, b"", str(len(same.body)))


async def test_options_names_the_methods(house: House) -> None:
    got = await ask(house.web.asgi, "OPTIONS", ITEMS)
    assert got.status == 200
    assert set(got.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("path", ["/api/v1/rooms//items", f"{ITEMS}/", f"{ITEMS}/a/b"])
async def test_a_path_that_is_almost_right_is_not_redirected(house: House, path: str) -> None:
    assert (await ask(house.web.asgi, "GET", path, headers=BEARER)).status == 404


async def test_variables_reach_the_handler_as_text(house: House) -> None:
    got = await ask(house.web.asgi, "GET", f"{ITEMS}/ünï")
    assert got.json() == {"data": {"name": "ünï", "size": 1}}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name": ["Field required"]}),
        ({"name": ""}, {"name": ["String should have at least 1 character"]}),
        (
            {"name": 3, "size": 10},
            {"name": ["Input should be a valid string"], "size": ["Input should be less than or equal to 9"]},
        ),
        ({"name": "a", "tags": ["b", 3]}, {"tags.1": ["Input should be a valid string"]}),
    ],
)
async def test_wrong_fields_have_a_message_each(house: House, body: Any, fields: Any) -> None:
    got = await ask(house.web.asgi, "POST", ITEMS, json=body, headers=BEARER)
    assert (got.status, got.json()["error"]["details"]) == (400, fields)
    got = await ask(house.web.asgi, "POST", "/api/session/items", json=body, headers=BEARER)
    assert (got.status, got.json()["errors"]) == (422, fields)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body is not valid JSON"),
        (b'{"name": "\xff"}', "The body is not valid JSON"),
        (b"[" * 1500, "The body is not valid JSON"),
        (b"[]", "The body must be a JSON object"),
        (b"null", "The body must be a JSON object"),
        (b"3", "The body must be a JSON object"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"content-type": "application/merge-patch+json; charset=utf-8"}])
async def test_a_body_that_is_no_json_object_is_refused(
    house: House, body: bytes, message: str, headers: dict[str, str]
) -> None:
    for path in (ITEMS, "/api/session/items"):
        got = await ask(house.web.asgi, "POST", path, body=body, headers={**BEARER, **headers})
        assert (got.status, got.json()["error"]["message"]) == (400, message)


async def test_an_absent_body_counts_as_an_empty_object(house: House) -> None:
    got = await ask(house.web.asgi, "POST", ITEMS, headers={**BEARER, "content-type": "text/plain"})
    assert got.json()["error"]["details"] == {"name": ["Field required"]}


async def test_an_integer_may_be_written_with_a_fraction_of_zero(house: House) -> None:
    got = await ask(house.web.asgi, "POST", ITEMS, body=b'{"name": "a", "size": 3.0}', headers=BEARER)
    assert got.json()["data"]["size"] == 3
    got = await ask(house.web.asgi, "POST", ITEMS, body=b'{"name": "a", "size": 3.5}', headers=BEARER)
    assert got.status == 400


@pytest.mark.parametrize("query", ["limit=x", "limit=", "limit=0", "limit=3&limit=101"])
async def test_a_wrong_query_is_refused_by_field(house: House, query: str) -> None:
    got = await ask(house.web.asgi, "GET", f"{ITEMS}?{query}", headers=BEARER)
    assert got.status == 400
    assert list(got.json()["error"]["details"]) == ["limit"]


async def test_a_query_of_too_many_fields_is_refused(house: House) -> None:
    got = await ask(house.web.asgi, "GET", f"{ITEMS}?{'a=1&' * 101}", headers=BEARER)
    assert got.status == 400


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer ", "Bearer wrong", "Basic user-token", "user-token", "", "Bearer " + "x" * 5000],
)
async def test_what_is_no_good_credential_is_refused(house: House, value: str) -> None:
    got = await ask(house.web.asgi, "GET", ITEMS, headers={"authorization": value})
    assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")


async def test_inbox_paths_take_the_bare_token(house: House) -> None:
    got = await ask(house.web.asgi, "GET", "/api/session/items", headers={"authorization": "user-token"})
    assert got.status == 200


async def test_operators_alone_pass_operators_routes(house: House) -> None:
    assert (await ask(house.web.asgi, "DELETE", ITEMS, headers=BEARER)).status == 403
    got = await ask(house.web.asgi, "DELETE", ITEMS, headers=OPERATOR_BEARER)
    assert (got.status, got.json()) == (200, {"success": True, "message": "gone"})


async def test_public_routes_know_a_caller_and_bear_a_bad_credential(house: House) -> None:
    seen: list[Call] = []
    routes = Routes("/open")

    @routes.add("POST", "/<word>", summary="Say", replies={204: None}, access=Access.PUBLIC)
    async def say(call: Call, *, word: str) -> Reply:
        seen.append(call)
        return Reply(None, 204, {"X-Word": word})

    house.web.mount(routes)
    for headers in (BEARER, {"authorization": "Bearer stale"}, {}):
        got = await ask(house.web.asgi, "POST", "/open/hi", body=[b"ra", b"w"], headers=headers)
        assert (got.status, got.body, got.headers["x-word"]) == (204, b"", "hi")
    assert [call.principal for call in seen] == [USER, None, None]
    assert seen[0].raw == b"raw"
    assert seen[0].client == "203.0.113.9"
    assert seen[0].headers["host"] == "x"
    assert seen[0].caller is USER
    assert seen[0].request_id
    with pytest.raises(RuntimeError, match="asked for its caller"):
        _ = seen[1].caller


async def test_a_bug_is_logged_and_tells_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    routes = Routes("/api/practitioners", tag="bugs")

    @routes.add("GET", "/bug", summary="Break", replies={200: Done})
    async def break_(_call: Call) -> Reply:
        raise KeyError("the database password")

    @routes.add("GET", "/odd", summary="Send what cannot be sent", replies={200: Done})
    async def odd(_call: Call) -> Reply:
        return Reply({"data": object()})

    house.web.mount(routes)
    for path in ("bug", "odd"):
        got = await ask(house.web.asgi, "GET", f"/api/practitioners/{path}", headers=BEARER)
        assert (got.status, got.json()) == (500, {"error": "Something went wrong on the server"})


async def test_a_client_that_leaves_early_ends_its_request(house: House) -> None:
    left = {"type": "http.disconnect"}
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": ITEMS, "query_string": b"", "headers": [
        (b"authorization", b"Bearer user-token")]}  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return left

    async def send(message: Any) -> None:
        sent.append(message)

    await house.web.asgi(scope, receive, send)
    assert (sent, house.made) == ([], [])


async def test_models_inside_plain_data_are_encoded(house: House) -> None:
    routes = Routes("/mixed")

    @routes.add("GET", "", summary="Mix", replies={200: None}, access=Access.PUBLIC)
    async def mix(_call: Call) -> Reply:
        return Reply({"data": [Done(message="one")]})

    house.web.mount(routes)
    assert (await ask(house.web.asgi, "GET", "/mixed")).json() == {
        "data": [{"success": True, "message": "one"}]
    }


async def test_handlers_can_be_wrapped_as_a_gate(house: House) -> None:
    routes = Routes("/gated")

    @routes.add("GET", "", summary="Pass", replies={200: Done}, access=Access.PUBLIC)
    async def inside(_call: Call) -> Reply:
        return Reply(Done(message="in"))

    def shut(_handler: Any) -> Any:
        async def gate(_call: Call) -> Reply:
            raise Conflict("shut")

        return gate

    house.web.mount(routes, wrap=shut)
    assert (await ask(house.web.asgi, "GET", "/gated")).status == 409


async def test_a_route_is_claimed_once_whatever_its_variables_are_called(house: House) -> None:
    async def handler(_call: Call) -> Reply:
        return Reply(None)

    again = Routes("/api/v1/rooms")
    again.add("GET", "/items/<other>", summary="Again", replies={200: None})(handler)
    with pytest.raises(RouteConflict, match=r"GET /api/v1/rooms/items/<other>"):
        house.web.mount(again)


async def test_a_route_names_a_limit_that_exists(house: House) -> None:
    async def handler(_call: Call) -> Reply:
        return Reply(None)

    routes = Routes("/limited", limit="nobody")
    routes.add("GET", "", summary="Limited", replies={200: None})(handler)
    with pytest.raises(ValueError, match="GET /limited names the limit 'nobody'"):
        house.web.mount(routes)


async def test_a_bug_in_a_quart_view_has_the_envelope_of_its_path(house: House) -> None:
    async def view() -> str:
        raise KeyError("the database password")

    house.web.quart.add_url_rule("/api/practitioners/page", "page", view)
    got = await ask(house.web.asgi, "GET", "/api/practitioners/page")
    assert (got.status, got.json()) == (500, {"error": "Something went wrong on the server"})


async def test_a_header_cannot_smuggle_another_in(house: House) -> None:
    routes = Routes("/header")

    @routes.add("GET", "/<value>", summary="Echo", replies={200: None}, access=Access.PUBLIC)
    async def echo(_call: Call, *, value: str) -> Reply:
        return Reply(None, headers={"X-Value": value})

    house.web.mount(routes)
    assert (await ask(house.web.asgi, "GET", "/header/fine")).headers["x-value"] == "fine"
    got = await ask(house.web.asgi, "GET", "/header/a\r\nSet-Cookie: b")
    assert (got.status, "x-value" in got.headers) == (500, False)


async def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_TIMEOUT", 0.05)

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(requests.TooSlow):
        await requests.read_body(receive)
