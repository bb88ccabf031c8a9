"""Connections over HTTP, on a whole server in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.core.connections.conftest import KEY, AcmeFake, declared
from tests.core.connections.oauth import oauth_service
from tests.core.web.asgi import Got, ask

from rallypoint.app import App, build
from rallypoint.plugins.contributions import CALLBACK_PATH
from rallypoint.settings import Settings
from rallypoint.testing.oauth import OAuthFake, consent

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
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


@pytest_asyncio.fixture
async def server(tmp_path: Path, acme: AcmeFake, fake: OAuthFake) -> AsyncIterator[Server]:
    app = build(Settings(_env_file=None, data_dir=tmp_path, secret_key="x" * 40, safe_mode=True))
    app.house.connections.declare("rooms", declared(acme.url))
    app.house.connections.declare("rooms", oauth_service(fake))
    try:
        await app.opening.open()
        made = Server(app)
        await made.register("alice@example.com")
        yield made
    finally:
        await app.opening.close()


async def test_a_service_is_connected_shown_and_disconnected(server: Server) -> None:
    listed = (await server.ask("GET", PATH)).json()["data"]
    assert [(one["service"], one["kind"], one["state"], one["id"]) for one in listed] == [
        ("acme", "api_key", "not_connected", None),
        ("cal", "oauth2", "not_connected", None),
    ]
    created = await server.ask("PUT", f"{PATH}/acme", {"api_key": KEY})
    assert created.status == 201
    assert created.json()["data"]["label"] == "Alice"
    assert (await server.ask("POST", f"{PATH}/acme", {"api_key": KEY})).status == 200
    shown = (await server.ask("GET", f"{PATH}/acme")).json()["data"]
    assert (shown["title"], shown["state"], shown["available"]) == ("Acme", "connected", True)
    assert KEY not in str(shown)
    assert (await server.ask("GET", PATH)).json()["data"][0] == shown
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


def path_of(url: str) -> str:
    """Return where a browser that follows ``url`` comes to on this server."""
    return "/" + url.split("/", 3)[3]


async def test_a_service_is_connected_by_consent(server: Server, fake: OAuthFake) -> None:
    body = {"return_to": "/settings/integrations?tab=2"}
    begun = await server.ask("POST", f"{PATH}/cal/authorize", body)
    assert begun.status == 200
    back = path_of(await consent(begun.json()["data"]["url"]))
    token, server.token = server.token, ""  # the browser has none
    done = await server.ask("GET", back)
    assert done.status == 302
    assert done.headers["location"] == "/settings/integrations?tab=2&success=true&service=cal"
    assert (done.headers["cache-control"], done.headers["referrer-policy"]) == ("no-store", "no-referrer")
    again = await server.ask("GET", back)
    assert again.headers["location"] == "/settings/integrations?tab=2&error=oauth_state"
    server.token = token
    shown = (await server.ask("GET", f"{PATH}/cal")).json()["data"]
    assert (shown["state"], shown["kind"], shown["email"]) == ("connected", "oauth2", "alice@example.com")
    assert shown["scopes"] == ["openid", "https://cal.example/auth/calendar"]
    assert "at-" not in str(shown)
    assert (await server.ask("POST", f"{PATH}/cal/authorize", {})).status == 409
    timeline = (await server.ask("GET", f"{PATH}/cal/timeline")).json()["data"]
    assert [(mark["kind"], mark["count"]) for mark in timeline["marks"]] == [("connected", 1)]
    assert timeline["log"][0]["detail"] == "alice@example.com"
    assert (await server.ask("DELETE", f"{PATH}/cal")).status == 200
    assert fake.books.grants[0].ended
    assert (await server.ask("GET", f"{PATH}/cal/timeline")).status == 404


async def test_without_a_page_to_return_to_the_callback_speaks_json(server: Server) -> None:
    url = (await server.ask("POST", f"{PATH}/cal/authorize")).json()["data"]["url"]
    back = path_of(await consent(url))
    assert (await server.ask("GET", back)).json() == {"success": True, "message": "Connected"}
    refused = await server.ask("GET", back)
    assert refused.status == 400
    assert refused.json()["error"]["code"] == "OAUTH_FAILED"
    assert refused.json()["error"]["details"] == {"reason": "state"}


async def test_a_denied_consent_comes_back_to_the_page(server: Server) -> None:
    url = (await server.ask("POST", f"{PATH}/cal/authorize", {"return_to": "/x"})).json()["data"]["url"]
    done = await server.ask("GET", path_of(await consent(url, email="")))
    assert done.headers["location"] == "/x?error=oauth_denied"


@pytest.mark.parametrize(
    "query",
    ["", "?state=x&code=y", f"?state={'a' * 43}.{'b' * 43}&code=y", "?code=y", "?error=access_denied"],
)
async def test_a_callback_that_nobody_began(server: Server, fake: OAuthFake, query: str) -> None:
    server.token = ""
    assert (await server.ask("GET", f"{CALLBACK_PATH}{query}")).status == 400
    assert fake.requests == []


@pytest.mark.parametrize("name", ["state", "code", "error"])
async def test_a_callback_has_limits(server: Server, name: str) -> None:
    assert (await server.ask("GET", f"{CALLBACK_PATH}?{name}={'a' * 5000}")).status == 400


async def test_consent_needs_a_caller_a_service_and_a_page_of_ours(server: Server) -> None:
    assert (await server.ask("POST", f"{PATH}/acme/authorize")).status == 400
    assert (await server.ask("POST", f"{PATH}/nothing/authorize")).status == 404
    assert (await server.ask("PUT", f"{PATH}/cal", {"api_key": KEY})).status == 400
    elsewhere = await server.ask("POST", f"{PATH}/cal/authorize", {"return_to": "https://evil.example/"})
    assert "return_to" in elsewhere.json()["error"]["details"]
    server.token = ""
    assert (await server.ask("POST", f"{PATH}/cal/authorize")).status == 401
    assert (await server.ask("GET", f"{PATH}/cal/timeline")).status == 401
