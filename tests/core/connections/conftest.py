"""A provider that users connect with an API key, and connections over real parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest_asyncio
from aiohttp import web

from rallypoint.connections.api import Connection, Owner
from rallypoint.connections.http import HttpOptions, ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.events.outbox import Outbox
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.plugins.contributions import ApiKeyConnection
from rallypoint.realtime.channel import Message
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from rallypoint.testing.fakes import ProviderFake

ACCOUNT, USER = "0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b"
ALICE = Owner(ACCOUNT, USER, "live")
KEY = "key-of-alice"


class AcmeFake(ProviderFake):
    """Knows keys that start with ``key-``."""

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.get("/v1/me", self.me), web.post("/v1/items", self.items), web.get("/v1/to", self.to)]

    async def me(self, request: web.Request) -> web.Response:
        key = request.headers.get("X-API-KEY", "")
        if not key.startswith("key-"):
            return web.json_response({"error": "unauthorized"}, status=401)
        return web.json_response({"name": key.removeprefix("key-of-").title()})

    async def items(self, request: web.Request) -> web.Response:
        return web.json_response(await request.json(), status=201)

    async def to(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["url"])


class Pushed:
    """Stands where the hub stands and remembers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        self.messages.append(message)


@pytest_asyncio.fixture
async def acme() -> AsyncIterator[AcmeFake]:
    async with AcmeFake() as fake:
        yield fake


@pytest_asyncio.fixture
async def http() -> AsyncIterator[ProviderHttp]:
    client = ProviderHttp(HttpOptions(timeout=4, max_bytes=1000, retry_base=0.01, patience=0.5))
    await client.open()
    yield client
    await client.close()


@pytest_asyncio.fixture
async def pushed() -> Pushed:
    return Pushed()


@pytest_asyncio.fixture
async def connections(
    database: Database, http: ProviderHttp, acme: AcmeFake, pushed: Pushed
) -> AsyncIterator[Connections]:
    jobs = EmbeddedJobs()
    outbox = Outbox(database, jobs, pushed)
    settings = Settings(secret_key="x" * 32, _env_file=None)
    service = Connections(database, Vault(settings), outbox, http, settings, Leases(database))
    service.declare("acme", declared(acme.url))
    yield service


def declared(url: str, service: str = "acme") -> ApiKeyConnection:
    async def identify(connection: Connection) -> str:
        me = await connection.client.get_json("/me")
        return str(me["name"])

    return ApiKeyConnection(service, "Acme", f"{url}/v1", lambda key: {"X-API-KEY": key}, identify)
