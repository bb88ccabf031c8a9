"""A served Rallypoint on each database with Google's stand-in beside it, and people who use both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from yarl import URL

from rallypoint.testing.google import GoogleFake, consent
from support import calendar_world
from support.calendar_world import NOON, opened
from support.served import column, database_url, postgresql, sqlite

__all__ = ["NOON", "column", "database_url", "postgresql", "sqlite"]

GMAIL = "gmail"


@dataclass
class World(calendar_world.World):
    """The server and Google."""

    google: GoogleFake

    async def settle(self) -> None:
        await self.google.channels.quiet()

    async def register(self, email: str = "mia@example.com") -> User:
        return User(self, await self.sign_up(email), email)


@dataclass
class User(calendar_world.Person):
    """Somebody with an account here, and maybe one at Google."""

    plugin, calendar, shown_as = "google", "google_calendar", "googleCalendar"
    world: World

    async def consent(self, url: str, email: str) -> URL:
        return await consent(url, email)

    async def connect_gmail(self, email: str = "mia@example.com") -> None:
        url = (await self.ok("GET", "/api/google/auth?client=gmail"))["data"]["url"]
        async with self.world.session.get(await consent(url, email)) as reply:
            assert await reply.json() == {"data": {"ok": True}}


@pytest_asyncio.fixture
async def google() -> AsyncIterator[GoogleFake]:
    async with GoogleFake() as running:
        running.channels.retry_seconds = 0.01
        yield running


@pytest.fixture
def env() -> dict[str, str]:
    """Further settings; a test gives its own with ``parametrize``."""
    return {}


@pytest_asyncio.fixture
async def world(
    google: GoogleFake,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
) -> AsyncIterator[World]:
    rarely = {f"RALLYPOINT_GOOGLE_{name}_SECONDS": "3600" for name in ("POLL", "GMAIL_POLL")}
    settings = {**google.settings(), **rarely, **env}
    async with opened("google", tmp_path, database_url, settings, monkeypatch) as (app, url, session):
        yield World(app, url, session, google)


@pytest_asyncio.fixture
async def mia(world: World) -> User:
    """Somebody who has not connected anything yet."""
    return await world.register()


@pytest_asyncio.fixture
async def connected(mia: User) -> User:
    """Mia with her calendar, synced one way."""
    await mia.connect()
    await mia.synced()
    return mia
