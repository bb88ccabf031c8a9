from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rallypoint.metrics import Metrics
from rallypoint.web import health
from rallypoint.web.health import health_routes

from .asgi import BEARER, ask
from .conftest import House


async def fine() -> None:
    """Nothing is wrong."""


async def broken() -> None:
    raise OSError("postgres://user:password@host is away")


async def hangs() -> None:
    await asyncio.sleep(60)


def mount(house: House, **changed: Any) -> None:
    given: dict[str, Any] = {
        "checks": {"database": fine},
        "degradable": {},
        "metrics_for": "public",
        **changed,
    }
    house.web.mount(
        health_routes(version="1.2.3", plugins=lambda: {"active": 2, "failed": 1}, metrics=Metrics(), **given)
    )


async def test_a_live_server_says_so(house: House) -> None:
    mount(house)
    for path in ("/health", "/api/health"):
        got = await ask(house.web.asgi, "GET", path)
        assert (got.status, got.json()) == (200, {"status": "ok", "version": "1.2.3"})


async def test_a_failed_plugin_does_not_make_the_server_unready(house: House) -> None:
    mount(house)
    got = await ask(house.web.asgi, "GET", "/ready")
    assert got.status == 200
    assert got.json() == {
        "status": "ready",
        "checks": {"database": "ok"},
        "plugins": {"active": 2, "failed": 1},
    }


@pytest.mark.parametrize("check", [broken, hangs])
async def test_a_failing_check_makes_it_unready_and_tells_no_reason(
    house: House, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.05)
    mount(house, checks={"database": check, "migrations": fine})
    got = await ask(house.web.asgi, "GET", "/ready")
    assert (got.status, got.json()["status"]) == (503, "unready")
    assert got.json()["checks"] == {"database": "failing", "migrations": "ok"}
    assert b"password" not in got.body


async def test_figures_for_everyone(house: House) -> None:
    mount(house)
    got = await ask(house.web.asgi, "GET", "/metrics")
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"rallypoint_http_requests" in got.body
    assert b"process_resident_memory_bytes" in got.body


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("203.0.113.9", {}, 403),
        ("", {}, 403),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, 403),
    ],
)
async def test_figures_for_this_machine_alone(
    house: House, client: str, headers: dict[str, str], status: int
) -> None:
    mount(house, metrics_for="loopback")
    assert (await ask(house.web.asgi, "GET", "/metrics", client=client, headers=headers)).status == status


async def test_figures_for_operators(house: House) -> None:
    mount(house, metrics_for="operator")
    operator = {"authorization": "Bearer operator-token"}
    assert (await ask(house.web.asgi, "GET", "/metrics")).status == 401
    assert (await ask(house.web.asgi, "GET", "/metrics", headers=BEARER)).status == 403
    assert (await ask(house.web.asgi, "GET", "/metrics", headers=operator)).status == 200
