"""A small application over every envelope, with real parts around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from pydantic import BaseModel, Field

from rallypoint.errors import Conflict, NotFound, Unauthorized
from rallypoint.events.types import EventType
from rallypoint.identity.api import Principal
from rallypoint.metrics import Metrics
from rallypoint.settings import Settings
from rallypoint.storage.database import Database
from rallypoint.web.docs import docs_routes
from rallypoint.web.envelopes import Envelopes
from rallypoint.web.fields import Body, Integer
from rallypoint.web.idempotency import Idempotency
from rallypoint.web.limits import Limiter
from rallypoint.web.openapi import document
from rallypoint.web.routing import Access, Call, Data, Done, Page, Reply, Routes
from rallypoint.web.server import Web

USER = Principal("u-1", 1, "a-1", "user", "live", "key-1")
OPERATOR = Principal("u-2", 2, "a-2", "admin", "live", "jti-2", expires_at=1, is_operator=True)


class Tokens:
    """Knows two credentials."""

    async def authenticate(self, credential: str) -> Principal:
        known = {"user-token": USER, "operator-token": OPERATOR}
        if credential not in known:
            raise Unauthorized("The token is not valid")
        return known[credential]

    def on_revoked(self, callback: Callable[[str], None]) -> None:
        """Nothing is revoked here."""


class Reverse:
    """Enough of a cipher to see that stored text is not the plain one."""

    def encrypt(self, text: str) -> str:
        return text[::-1]

    def decrypt(self, token: str) -> str:
        return token[::-1]


class Item(BaseModel):
    name: str
    size: int


class NewItem(Body):
    name: str = Field(min_length=1, max_length=20)
    size: Integer = Field(1, ge=0, le=9)
    tags: list[str] = Field(default_factory=list, max_length=3)


class Window(Body):
    limit: int = Field(20, ge=1, le=100)
    after: str | None = None


EVENTS = [
    EventType("item.made", "An item was made", Item),
    EventType("item.seen", "An item was seen"),
    EventType("item.moved", "An item was moved", Item, webhooks=False),
]


@dataclass
class House:
    """The web layer under test."""

    web: Web
    limiter: Limiter
    database: Database
    idempotency: Idempotency
    made: list[str] = field(default_factory=list)
    ordered: list[tuple[str, str]] = field(default_factory=list)

    def openapi(self, server: str = "") -> dict[str, Any]:
        return document(
            self.web.routes,
            self.web.envelopes,
            self.limiter.limited,
            version="1.2.3",
            events=EVENTS,
            server=server,
        )


def routes_of(house: House, prefix: str) -> Routes:
    """Return the same few routes under any prefix."""
    routes = Routes(prefix, tag="items")

    @routes.add("GET", "/items", summary="List items", replies={200: Page[Item]}, query=Window)
    async def list_items(call: Call, *, query: Window) -> Reply:
        return Reply(Page[Item](data=[Item(name=str(n), size=n) for n in range(min(query.limit, 3))]))

    @routes.add(
        "POST", "/items", summary="Make an item", replies={201: Data[Item]}, body=NewItem,
        errors=(409,), idempotent=True,
    )  # fmt: skip
    async def make_item(call: Call, *, body: NewItem) -> Reply:
        house.made.append(body.name)
        if body.name == "taken":
            raise Conflict("That name is taken", details={"name": body.name})
        return Reply(Data(data=Item(name=body.name, size=body.size)), 201)

    @routes.add(
        "POST", "/orders", summary="Order elsewhere", replies={200: None}, body=NewItem,
        errors=(404,), idempotent=True, outside=True,
    )  # fmt: skip
    async def order(call: Call, *, body: NewItem) -> Reply:
        async with house.database.transaction():
            house.ordered.append((body.name, call.repeat_id))
        if body.name == "unknown":
            raise NotFound("There is none")
        await asyncio.sleep(0.05)
        return Reply({"id": call.repeat_id})

    @routes.add(
        "GET", "/items/<item_id>", summary="Read an item", replies={200: Data[Item]}, access=Access.PUBLIC
    )
    async def read_item(call: Call, *, item_id: str) -> Reply:
        return Reply({"data": {"name": item_id, "size": 1}})

    @routes.add(
        "DELETE", "/items", summary="Delete all", replies={200: Done}, access=Access.OPERATOR, limit="none"
    )
    async def clear(call: Call) -> Reply:
        return Reply(Done(message="gone"))

    return routes


@pytest.fixture
def settings() -> Settings:
    return Settings(
        _env_file=None, limit_api="100000/minute", max_body_bytes=2048, metrics="public", access_log=False
    )


@pytest_asyncio.fixture
async def house(settings: Settings, database: Database) -> AsyncIterator[House]:
    limiter = Limiter.from_settings(settings)
    idempotency = Idempotency(database, Reverse())
    envelopes = Envelopes()
    for prefix, name in (
        ("/api/v1/rooms", "data"),
        ("/integrations", "success"),
        ("/api/practitioners", "plain"),
    ):
        envelopes.add(prefix, name)  # type: ignore[arg-type]
    envelopes.add("/api/sessions", "watch")
    web = Web(settings, Tokens(), limiter, idempotency, envelopes, Metrics())
    made = House(web, limiter, database, idempotency)
    for prefix in ("/api/v1/rooms", "/integrations", "/api/practitioners", "/api/sessions", "/api/session"):
        web.mount(routes_of(made, prefix))
    web.mount(docs_routes(made.openapi, "http://x"), documented=False)
    yield made
