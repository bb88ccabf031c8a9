from __future__ import annotations

import re
from typing import Any

import pytest

from rallypoint.metrics import Metrics
from rallypoint.settings import Settings
from rallypoint.web.envelopes import Envelopes
from rallypoint.web.middleware import AsgiApp, Middleware, behind_proxies

from .asgi import BEARER, ask
from .conftest import House

ITEMS = "/api/v1/rooms/items"
ORIGIN = "http://localhost:5173"


def around(app: AsgiApp, **settings: Any) -> AsgiApp:
    return Middleware(app, Settings(_env_file=None, access_log=False, **settings), Envelopes(), Metrics())


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.mark.parametrize("target", [ITEMS, "/nowhere", f"{ITEMS}/1"])
async def test_every_reply_has_the_security_headers(house: House, target: str) -> None:
    got = await ask(house.web.asgi, "GET", target)
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["x-frame-options"] == "DENY"
    assert got.headers["content-security-policy"].startswith("default-src 'none'")
    assert got.headers["referrer-policy"] == "no-referrer"
    assert got.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in got.headers


async def test_https_is_made_to_stay() -> None:
    got = await ask(around(hello, public_url="https://x.example"), "GET", "/")
    assert got.headers["strict-transport-security"] == "max-age=31536000"


async def test_each_request_has_an_id_and_keeps_a_sane_one() -> None:
    app = around(hello)
    first, second = await ask(app, "GET", "/"), await ask(app, "GET", "/")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    kept = await ask(app, "GET", "/", headers={"X-Request-Id": "trace-1.a_B"})
    assert kept.headers["x-request-id"] == "trace-1.a_B"
    for bad in ("a b", "x" * 65, "a\tb", "ü"):
        got = await ask(app, "GET", "/", headers={"X-Request-Id": bad})
        assert re.fullmatch(r"[0-9a-f-]{36}", got.headers["x-request-id"])


async def test_a_body_over_the_limit_is_refused_however_it_comes(house: House) -> None:
    declared = {"content-length": "2049", **BEARER}
    assert (await ask(house.web.asgi, "POST", ITEMS, headers=declared)).status == 413
    chunks = [b"x" * 1024, b"x" * 1024, b"x"]
    assert (await ask(house.web.asgi, "POST", ITEMS, body=chunks, headers=BEARER)).status == 413
    just = b'{"name":"a"' + b" " * (2048 - 12) + b"}"
    got = await ask(house.web.asgi, "POST", ITEMS, body=[just[:1000], just[1000:]], headers=BEARER)
    assert got.status == 201


async def test_allowed_origins_may_read_replies_with_credentials(house: House) -> None:
    for target in (ITEMS, "/nowhere"):
        got = await ask(house.web.asgi, "GET", target, headers={"origin": ORIGIN})
        assert got.headers["access-control-allow-origin"] == ORIGIN
        assert got.headers["access-control-allow-credentials"] == "true"
        assert "X-RateLimit-Remaining" in got.headers["access-control-expose-headers"]
        assert "Retry-After" in got.headers["access-control-expose-headers"]
        assert got.headers["vary"] == "Origin"


async def test_other_origins_may_not(house: House) -> None:
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {}):
        got = await ask(house.web.asgi, "GET", ITEMS, headers=headers)
        assert "access-control-allow-origin" not in got.headers
        assert got.headers["vary"] == "Origin"


async def test_a_preflight_is_answered_without_a_token(house: House) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"}
    got = await ask(house.web.asgi, "OPTIONS", ITEMS, headers=asked)
    assert (got.status, got.body) == (204, b"")
    assert got.headers["access-control-allow-methods"] == "GET, POST, PUT, PATCH, DELETE, OPTIONS"
    assert got.headers["access-control-allow-headers"] == "Content-Type, Authorization, Idempotency-Key"
    assert got.headers["access-control-allow-origin"] == ORIGIN
    assert got.headers["access-control-allow-credentials"] == "true"
    refused = await ask(house.web.asgi, "OPTIONS", ITEMS, headers={**asked, "origin": "https://evil.example"})
    assert "access-control-allow-methods" not in refused.headers
    assert "access-control-allow-origin" not in refused.headers


async def test_a_star_lets_every_origin_read_without_credentials() -> None:
    app = around(hello, cors_origins="*, http://localhost:5173/")
    got = await ask(app, "GET", "/", headers={"origin": "https://any.example"})
    assert got.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in got.headers
    got = await ask(app, "GET", "/", headers={"origin": ORIGIN})
    assert got.headers["access-control-allow-credentials"] == "true"
    asked = {"origin": "https://any.example", "access-control-request-method": "POST"}
    assert "access-control-allow-methods" in (await ask(app, "OPTIONS", "/", headers=asked)).headers


async def test_a_bug_anywhere_becomes_an_answer() -> None:
    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise RuntimeError("secret")

    got = await ask(around(broken), "GET", "/api/x")
    assert (got.status, got.json()["error"]["code"], b"secret" in got.body) == (500, "INTERNAL", False)


async def test_a_bug_after_the_reply_began_cuts_it_short() -> None:
    async def broken(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("late")

    with pytest.raises(Exception, match="Something went wrong"):
        await ask(around(broken), "GET", "/")


async def test_other_protocols_pass_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        return {}

    await around(app)({"type": "websocket"}, nothing, nothing)
    assert seen == ["websocket"]


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("", "10.0.0.1", "198.51.100.7", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.0/8", "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.0/8", "10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
    ],
)
async def test_the_client_is_seen_through_trusted_proxies_only(
    trusted: str, peer: str, forwarded: str, client: str
) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["client"][0].encode()})

    wrapped = behind_proxies(app, Settings(_env_file=None, trusted_proxies=trusted))
    got = await ask(wrapped, "GET", "/", headers={"x-forwarded-for": forwarded}, client=peer)
    assert got.body.decode() == client


@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_the_access_log_tells_the_path_but_no_secrets(
    house: House, capsys: pytest.CaptureFixture[str], log_format: Any
) -> None:
    settings = Settings(_env_file=None, log_format=log_format)
    app = Middleware(house.web.quart, settings, Envelopes(), Metrics())  # type: ignore[arg-type]
    got = await ask(app, "GET", f"{ITEMS}/rp_live_abc123?token=hidden", headers={"x-request-id": "the-id"})
    line = capsys.readouterr().err
    assert got.status == 200
    assert f"{ITEMS}/[redacted]" in line
    assert "203.0.113.9" in line
    assert "the-id" in line
    assert "200" in line
    assert "abc123" not in line
    assert "hidden" not in line


async def test_a_path_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    for log_format in ("console", "json"):
        settings = Settings(_env_file=None, log_format=log_format)
        await ask(Middleware(hello, settings, Envelopes(), Metrics()), "GET", "/a\nb\x1b[31m")
        assert capsys.readouterr().err.count("\n") == 1


async def test_requests_are_counted_by_route(house: House) -> None:
    metrics = Metrics()
    app = Middleware(house.web.quart, Settings(_env_file=None, access_log=False), Envelopes(), metrics)  # type: ignore[arg-type]
    for target in (f"{ITEMS}/1", f"{ITEMS}/2", "/nowhere/1", "/nowhere/2"):
        await ask(app, "GET", target)
    text = metrics.text().decode()
    assert (
        'rallypoint_http_requests_total{method="GET",route="/api/v1/rooms/items/<item_id>",status="200"} 2.0'
        in text
    )
    assert 'rallypoint_http_requests_total{method="OTHER",route="",status="404"} 2.0' in text
