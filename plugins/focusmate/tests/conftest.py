"""A whole server in process, with Focusmate's stand-in beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from rallypoint.app import App, build
from rallypoint.connections.api import Connection, Owner
from rallypoint.settings import Settings
from rallypoint.storage.database import Row
from rallypoint_focusmate.fake import FocusmateFake
from support.columns import SQLite
from support.served import sqlite

__all__ = ["sqlite"]

ACCOUNT, USER = "0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b"
MIA = Owner(ACCOUNT, USER, "live")


class World:
    """The server and the provider."""

    def __init__(self, app: App, fake: FocusmateFake) -> None:
        self.house = app.house
        self.plugins = app.opening.plugins
        self.fake = fake
        # Of this test: a suite may run for longer than a session.
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.soon, self.running = self.now + timedelta(hours=2), self.now - timedelta(minutes=5)

    async def connect(self, owner: Owner = MIA) -> None:
        await self.house.connections.connect(owner, "focusmate", "demo-key")

    async def connection(self, owner: Owner = MIA) -> Connection:
        found = await self.house.connections.find(owner.account_id, owner.user_id, owner.mode, "focusmate")
        assert found is not None
        return found

    async def sync(self, owner: Owner = MIA) -> None:
        """Run the plugin's task by hand, as its schedule does by time."""
        (plugin,) = (plugin for plugin in self.plugins.loaded if plugin.name == "focusmate")
        await plugin.contributions.tasks[0].run(await self.connection(owner))

    async def synced(self, owner: Owner = MIA) -> None:
        """Wait for the sync that the schedule makes once a connection is there."""
        connection = await self.connection(owner)

        async def finished() -> bool:
            row = await self.house.database.fetch_one(
                "SELECT last_success_at FROM scheduled_runs WHERE connection_id = ?", connection.id
            )
            return row is not None and row["last_success_at"] is not None

        async with asyncio.timeout(20):
            while not await finished():
                await asyncio.sleep(0.01)

    async def state(self) -> list[Row]:
        return await self.house.database.fetch("SELECT * FROM stored_values ORDER BY id")

    async def people(self) -> dict[str, str]:
        rows = await self.house.database.fetch(
            "SELECT external_user_id, user_id FROM room_participants WHERE is_active = ?", True
        )
        return {row["external_user_id"]: row["user_id"] for row in rows}

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
    fake: FocusmateFake, tmp_path: Path, sqlite: SQLite, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("RALLYPOINT_FOCUSMATE_API_URL", fake.api_url)
    monkeypatch.setenv("RALLYPOINT_FOCUSMATE_SYNC_SECONDS", "3600")
    settings = Settings(
        data_dir=tmp_path,
        database_url=sqlite.fresh(tmp_path),
        secret_key="x" * 40,
        plugins=("rooms", "focusmate"),
    )
    app = build(settings)
    try:
        await app.opening.open()
        yield World(app, fake)
    finally:
        await app.opening.close()
