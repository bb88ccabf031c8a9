"""Connections over HTTP, on a whole server in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.core.connections.conftest import KEY, AcmeFake, declared
from tests.core.web.asgi import Got, ask

from rallypoint.app import App, build
from rallypoint.settings import Settings

PATH = "/api/v1/connections"


class Server:
    """A server with one service to connect, and one user's token."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.token = ""

    async def ask(self, method: str, path: str, json: Any = None) -> Got:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return await ask(self.app, method, path, json=json, headers=headers)

    async def register(self, email: str) -> None:
        user = {"email": email, "password": "correct horse battery", "company_name": "Acme"}
        self.token = ""
        self.token = (await self.ask("POST", "/api/registration", {"user": user})).json()["token"]


@pytest_asyncio.fixture
async def server(tmp_path: Path, acme: AcmeFake) -> AsyncIterator[Server]:
    app = build(Settings(_env_file=None, data_dir=tmp_path, secret_key="x" * 40, safe_mode=True))
    app.house.connections.declare("rooms", declared(acme.url))
    try:
        await app.opening.open()
        made = Server(app)
        await made.register("alice@example.com")
        yield made
    finally:
        await app.opening.close()


async def test_a_service_is_connected_shown_and_disconnected(server: Server) -> None:
    listed = (await server.ask("GET", PATH)).json()["data"]
    assert [(one["service"], one["state"], one["id"]) for one in listed] == [("acme", "not_connected", None)]
    created = await server.ask("PUT", f"{PATH}/acme", {"api_key": KEY})
    assert created.status == 201
    assert created.json()["data"]["label"] == "Alice"
    assert (await server.ask("POST", f"{PATH}/acme", {"api_key": KEY})).status == 200
    shown = (await server.ask("GET", f"{PATH}/acme")).json()["data"]
    assert (shown["title"], shown["state"], shown["available"]) == ("Acme", "connected", True)
    assert KEY not in str(shown)
    assert (await server.ask("GET", PATH)).json()["data"] == [shown]
    assert (await server.ask("DELETE", f"{PATH}/acme")).json() == {"success": True, "message": "Disconnected"}
    assert (await server.ask("GET", f"{PATH}/acme")).status == 404


async def test_a_wrong_key_says_why(server: Server) -> None:
    reply = await server.ask("PUT", f"{PATH}/acme", {"api_key": "wrong"})
    assert reply.status == 400
    assert reply.json()["error"]["message"] == "Acme does not accept this key"


@pytest.mark.parametrize("key", ["", " ", "a b", "a\r\nX-Evil: 1", "ü", "x" * 513, 5, None])
async def test_a_key_that_cannot_be_one_reaches_nobody(server: Server, acme: AcmeFake, key: object) -> None:
    reply = await server.ask("PUT", f"{PATH}/acme", {"api_key": key})
    assert reply.status == 400
    assert "api_key" in reply.json()["error"]["details"]
    assert acme.requests == []


async def test_others_and_strangers_see_nothing(server: Server) -> None:
    await server.ask("PUT", f"{PATH}/acme", {"api_key": KEY})
    await server.register("bob@example.com")
    assert (await server.ask("GET", PATH)).json()["data"][0]["state"] == "not_connected"
    assert (await server.ask("DELETE", f"{PATH}/acme")).status == 404
    server.token = ""
    assert (await server.ask("GET", PATH)).status == 401


async def test_a_service_nobody_brings_is_404(server: Server) -> None:
    assert (await server.ask("PUT", f"{PATH}/nobody", {"api_key": KEY})).status == 404


async def test_a_provider_that_is_away_is_503_with_a_time(server: Server, acme: AcmeFake) -> None:
    acme.fail(503, times=9)
    reply = await server.ask("PUT", f"{PATH}/acme", {"api_key": KEY})
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
