"""A whole server in process, with Focusmate's stand-in beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rallypoint.app import build
from rallypoint.connections.records import Owner
from rallypoint.house import House
from rallypoint.settings import Settings
from rallypoint.storage.database import Row
from rallypoint_focusmate.fake import FocusmateFake

ACCOUNT, USER = "0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b"
MIA = Owner(ACCOUNT, USER, "live")


class World:
    """The server and the provider."""

    def __init__(self, house: House, fake: FocusmateFake) -> None:
        self.house = house
        self.fake = fake

    async def connect(self, owner: Owner = MIA) -> None:
        await self.house.connections.connect(owner, "focusmate", "demo-key")

    async def rooms(self) -> list[Row]:
        return await self.house.database.fetch("SELECT * FROM rooms ORDER BY external_service_id")

    async def room(self) -> Row:
        (row,) = await self.rooms()
        return row

    async def events(self) -> list[str]:
        rows = await self.house.database.fetch("SELECT type FROM events ORDER BY subject, seq")
        return [row["type"] for row in rows]


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FocusmateFake]:
    async with FocusmateFake() as running:
        yield running


@pytest_asyncio.fixture
async def world(
    fake: FocusmateFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("RALLYPOINT_FOCUSMATE_API_URL", fake.api_url)
    monkeypatch.setenv("RALLYPOINT_FOCUSMATE_SYNC_SECONDS", "3600")
    app = build(Settings(data_dir=tmp_path, secret_key="x" * 40, plugins=("rooms", "focusmate")))
    try:
        await app.opening.open()
        yield World(app.house, fake)
    finally:
        await app.opening.close()
