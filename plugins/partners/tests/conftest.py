"""A whole server in process, with the partners' stand-in beside it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from rallypoint.app import App, build
from rallypoint.domains.rooms.domain import RoomsDomain
from rallypoint.domains.rooms.schemas import JoinRoom
from rallypoint.events.rows import SELECT, event_of
from rallypoint.identity.api import Principal
from rallypoint.plugins.contributions import Inbound, WebhookSource
from rallypoint.settings import Settings
from rallypoint.storage.database import Row
from rallypoint_partners.fake import PartnerFake
from rallypoint_partners.partner import Partner
from rallypoint_partners.partners import Partners
from support.columns import SQLite
from support.served import sqlite

__all__ = ["sqlite"]

ACCOUNT, OWNER = "0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b"
SECRET = "a-shared-secret"


class World:
    """The server and the partners."""

    def __init__(self, app: App, fake: PartnerFake) -> None:
        self.house = app.house
        self.fake = fake
        self.loaded = app.opening.plugins.loaded
        (self.plugin,) = (one for one in self.loaded if one.name == "partners")

    @property
    def partners(self) -> Partners:
        return self.plugin.ctx.once(Partners)

    def partner(self, name: str) -> Partner:
        return self.partners.by_name[name]

    def source(self, name: str) -> WebhookSource:
        (source,) = (one for one in self.partners.sources() if one.provider == name)
        return source

    async def deliver(self, name: str, webhook: tuple[bytes, dict[str, str]]) -> None:
        """Do with a webhook what the receipt and its job do."""
        body, headers = webhook
        source = self.source(name)
        inbound = Inbound(body, {key.lower(): value for key, value in headers.items()}, {}, "http://us/")
        source.verify(inbound)
        await source.handle(inbound)

    async def join(self, room_id: str, *, leave: bool = False) -> None:
        """Let our own user into a room, or out of it."""
        principal = Principal(OWNER, 1, ACCOUNT, "admin", "live", "a-token")
        (rooms,) = (one for one in self.loaded if one.name == "rooms")
        stays = rooms.ctx.once(RoomsDomain).stays
        if leave:
            await stays.leave(principal, room_id)
        else:
            await stays.join(principal, room_id, JoinRoom())

    async def hear_all(self) -> None:
        """Hand every event to the plugin, as the reactions of the server do."""
        for row in await self.house.database.fetch(f"{SELECT} ORDER BY subject, seq"):
            await self.partners.hear(event_of(row))

    async def people(self) -> list[str | None]:
        rows = await self.house.database.fetch(
            "SELECT external_user_id FROM room_participants WHERE is_active = ? ORDER BY id", True
        )
        return [row["external_user_id"] for row in rows]

    async def rooms(self) -> list[Row]:
        return await self.house.database.fetch("SELECT * FROM rooms ORDER BY external_service_id")

    async def room(self) -> Row:
        (row,) = await self.rooms()
        return row

    async def events(self) -> list[str]:
        rows = await self.house.database.fetch("SELECT type FROM events ORDER BY subject, seq")
        return [row["type"] for row in rows]


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[PartnerFake]:
    async with PartnerFake() as running:
        yield running


Start = Callable[..., Awaitable[World]]


@pytest_asyncio.fixture
async def start(
    fake: PartnerFake, tmp_path: Path, sqlite: SQLite, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Start]:
    """Start the server with settings of the plugin, their prefix left out."""
    apps: list[App] = []
    context = contextvars.copy_context()  # the database is closed in the context that it was opened in

    async def begin(**variables: str) -> World:
        for name, value in variables.items():
            monkeypatch.setenv(f"RALLYPOINT_PARTNERS_{name}", value)
        settings = Settings(
            data_dir=tmp_path,
            database_url=sqlite.fresh(tmp_path),
            secret_key="x" * 40,
            plugins=("rooms", "partners"),
        )
        app = build(settings)
        apps.append(app)
        await asyncio.create_task(app.opening.open(), context=context)
        return World(app, fake)

    yield begin
    for app in apps:
        await asyncio.create_task(app.opening.close(), context=context)


def inbound_only(partner: str) -> dict[str, str]:
    return {
        f"{partner}_WEBHOOK_SECRET": SECRET,
        f"{partner}_ACCOUNT_ID": ACCOUNT,
        f"{partner}_OWNER_ID": OWNER,
    }


def two_way(partner: str, base: str) -> dict[str, str]:
    return {**inbound_only(partner), f"{partner}_API_URL": base, f"{partner}_API_KEY": "demo-key"}
