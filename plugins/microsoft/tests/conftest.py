"""A served Rallypoint on each database with Microsoft's stand-in beside it, and people who use both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from yarl import URL

from rallypoint.testing.microsoft import MicrosoftFake
from rallypoint.testing.oauth import consent
from support import calendar_world
from support.calendar_world import NOON, ms, opened
from support.graph import GraphDocument, graph_document
from support.served import column, database_url, postgresql, sqlite

__all__ = ["NOON", "column", "database_url", "ms", "postgresql", "sqlite"]


@dataclass
class World(calendar_world.World):
    """The server and Microsoft."""

    microsoft: MicrosoftFake

    async def settle(self) -> None:
        await self.microsoft.subscriptions.settle()

    async def register(self, email: str = "mia@example.com") -> User:
        return User(self, await self.sign_up(email), email)


@dataclass
class User(calendar_world.Person):
    """Somebody with an account here, and maybe one at Microsoft."""

    plugin, calendar, shown_as = "microsoft", "outlook_calendar", "outlookCalendar"
    world: World

    async def consent(self, url: str, email: str) -> URL:
        return URL(await consent(url, email), encoded=True)


@pytest.fixture(scope="session")
def described() -> GraphDocument | None:
    """Microsoft's description of Graph, where npm can be had."""
    try:
        return graph_document()
    except pytest.skip.Exception:
        return None


@pytest_asyncio.fixture
async def microsoft(described: GraphDocument | None) -> AsyncIterator[MicrosoftFake]:
    async with MicrosoftFake(described=described) as running:
        running.subscriptions.retry_seconds = 0.01
        yield running
        assert running.graph.problems == []
        assert running.graph.at_once <= 4


@pytest_asyncio.fixture
async def world(
    microsoft: MicrosoftFake, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    env = {**microsoft.settings(), "RALLYPOINT_MICROSOFT_POLL_SECONDS": "3600"}
    async with opened("microsoft", tmp_path, database_url, env, monkeypatch) as (app, url, session):
        yield World(app, url, session, microsoft)


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
