"""Our side of OAuth against a server that somebody else wrote: npm oauth2-mock-server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from pydantic import SecretStr
from tests.core.connections.conftest import ALICE, Pushed
from tests.core.connections.oauth import age, process

from rallypoint.connections.api import Connection, Identity, OAuthFailed
from rallypoint.connections.http import HttpOptions, ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.errors import NeedsReauth, RetryLater
from rallypoint.plugins.contributions import OAuth2Connection
from rallypoint.storage.database import Database
from rallypoint.testing.oauth import handed_back

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).parent / "oauth_server.mjs"


class MockServer:
    """The running server, and the line to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.url = ""

    async def say(self, **order: Any) -> list[dict[str, str]]:
        """Give an order, and return every token request so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return list(await self.hear())

    async def hear(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            return json.loads(await self._process.stdout.readline())


@pytest_asyncio.fixture
async def mock(node: str) -> AsyncIterator[MockServer]:
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    server = MockServer(process)
    try:
        server.url = (await server.hear())["url"]
        yield server
    finally:
        process.kill()
        await process.wait()


async def identify(connection: Connection) -> Identity:
    me = await connection.client.get_json("/userinfo")
    return Identity(me["email"], me["email"], me["sub"])


@pytest_asyncio.fixture
async def connections(database: Database, mock: MockServer) -> AsyncIterator[Connections]:
    http = ProviderHttp(HttpOptions(timeout=5, retry_base=0.01))
    await http.open()
    made = process(database, http, Pushed())
    declared = OAuth2Connection(
        service="cal",
        title="Cal",
        base_url=mock.url,
        authorize_url=f"{mock.url}/authorize",
        token_url=f"{mock.url}/token",
        revoke_url=f"{mock.url}/revoke",
        client_id="ours",
        client_secret=SecretStr("secret"),
        scopes=("openid", "dummy"),  # the one that this server grants
        identify=identify,
        token_auth="client_secret_basic",
    )
    made.declare("cal", declared)
    made.declare("wide", replace(declared, service="wide", scopes=("openid", "calendar")))
    yield made
    await made.close()


async def consented(connections: Connections, service: str = "cal") -> dict[str, str]:
    url = await connections.begin(ALICE, service)
    async with aiohttp.ClientSession() as browser, browser.get(url, allow_redirects=False) as answer:
        return handed_back(answer.headers["Location"])


async def connected(connections: Connections) -> Connection:
    back = await consented(connections)
    return (await connections.complete(back["state"], code=back["code"])).connection


async def test_consent_call_refresh_and_revocation(
    connections: Connections, database: Database, mock: MockServer
) -> None:
    connection = await connected(connections)
    assert connection.email == "johndoe@example.com"
    await age(database, connections)
    again = await connections.get(connection.id)
    assert again is not None
    assert (await again.client.get_json("/userinfo"))["sub"] == "johndoe"
    grants = await mock.say()
    assert [grant["grant_type"] for grant in grants] == ["authorization_code", "refresh_token"]
    assert grants[0]["redirect_uri"] == "https://rally.example/api/v1/oauth/callback"
    await connections.disconnect(ALICE, "cal")
    assert await database.fetch("SELECT * FROM oauth_revocations") == []


async def test_its_pkce_refuses_anothers_code(connections: Connections) -> None:
    mine, other = await consented(connections), await consented(connections, "cal")
    with pytest.raises(OAuthFailed, match="does not accept"):
        await connections.complete(mine["state"], code=other["code"])


async def test_a_scope_that_it_does_not_grant_is_missed(connections: Connections) -> None:
    back = await consented(connections, "wide")
    with pytest.raises(OAuthFailed) as error:
        await connections.complete(back["state"], code=back["code"])
    assert error.value.missing == ("calendar",)


async def test_one_invalid_grant_is_the_end(
    connections: Connections, database: Database, mock: MockServer
) -> None:
    connection = await connected(connections)
    await age(database, connections)
    await mock.say(event="beforeResponse", statusCode=400, body={"error": "invalid_grant"})
    again = await connections.get(connection.id)
    assert again is not None
    with pytest.raises(NeedsReauth):
        await again.client.get_json("/userinfo")
    assert (await connections.row(ALICE, "cal"))["state"] == "needs_reauth"


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_failure_that_passes(
    connections: Connections, database: Database, mock: MockServer, status: int
) -> None:
    connection = await connected(connections)
    await age(database, connections)
    await mock.say(event="beforeResponse", statusCode=status, body={"error": "server_error"})
    again = await connections.get(connection.id)
    assert again is not None
    with pytest.raises(RetryLater):
        await again.client.get_json("/userinfo")
    if status == 429:
        await asyncio.sleep(1.05)
    assert (await again.client.get_json("/userinfo"))["sub"] == "johndoe"


async def test_a_refused_token_is_refreshed_once(connections: Connections, mock: MockServer) -> None:
    connection = await connected(connections)
    await mock.say(event="beforeUserinfo", statusCode=401)
    assert (await connection.client.get_json("/userinfo"))["sub"] == "johndoe"
    assert [grant["grant_type"] for grant in await mock.say()] == ["authorization_code", "refresh_token"]
