"""A served Rallypoint on each database with Google's stand-in beside it, and people who use both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from rallypoint.app import App, build
from rallypoint.connections.api import Connection
from rallypoint.settings import Settings
from rallypoint.storage.database import Row
from rallypoint.testing.google import GoogleFake, consent
from rallypoint.testing.process import free_port
from rallypoint.testing.waiting import eventually
from support import columns
from support.conformance import serving
from support.served import column, postgresql

__all__ = ["column", "postgresql"]

CALENDAR, GMAIL = "google_calendar", "gmail"
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@dataclass
class World:
    """The server and Google."""

    app: App
    google: GoogleFake
    url: str
    session: aiohttp.ClientSession
    users: dict[str, User] = field(default_factory=dict)

    async def register(self, email: str = "mia@example.com") -> User:
        body = {"user": {"email": email, "password": "correct horse battery", "company_name": "Test"}}
        async with self.session.post(f"{self.url}/api/registration", json=body) as reply:
            assert reply.status == 201, await reply.text()
            return User(self, (await reply.json())["token"], email)

    async def rows(self, sql: str, *args: Any) -> list[Row]:
        return list(await self.app.house.database.fetch(sql, *args))

    async def quiet(self) -> None:
        """Wait until every announcement is handled, nothing is due, and nobody is at a calendar."""

        async def busy() -> list[Row]:
            await self.google.channels.quiet()
            return await self.rows(
                "SELECT connection_id FROM booking_calendar_cursors"
                " WHERE claimed_until > 0 OR poll_at IS NOT NULL OR last_sync_at IS NULL OR watch_at <= ?"
                " UNION SELECT connection_id FROM booking_calendar_links WHERE next_at IS NOT NULL"
                " UNION SELECT id FROM webhook_receipts WHERE state = 'pending'",
                ms(datetime.now(UTC)),
            )

        await eventually(busy, lambda rows: not rows, seconds=30)

    async def told(self, event: str) -> int:
        (row,) = await self.rows("SELECT COUNT(*) AS n FROM events WHERE type = ?", event)
        return int(row["n"])


@dataclass
class User:
    """Somebody with an account here, and maybe one at Google."""

    world: World
    token: str
    email: str

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}", **named}
        url = URL(self.world.url + path, encoded=True)
        async with self.world.session.request(
            method, url, json=body, headers=sent, allow_redirects=False
        ) as reply:
            if reply.status == 303:
                return 303, reply.headers["Location"]
            return reply.status, await reply.json() if await reply.read() else None

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, reply = await self(method, path, body)
        assert status < 300, (status, reply)
        return reply

    async def begin(self) -> str:
        begun = await self.ok("POST", "/integrations/google/connect")
        return str(begun["data"]["authUrl"])

    async def come_back(self, back: URL) -> URL:
        """Let the browser follow where Google sends it, and return where we send it."""
        async with self.world.session.get(back, allow_redirects=False) as reply:
            assert reply.status == 303, await reply.text()
            return URL(reply.headers["Location"])

    async def connect(self, google_email: str = "mia@example.com") -> None:
        landed = await self.come_back(await consent(await self.begin(), google_email))
        assert landed.query_string == "success=true"

    async def connect_gmail(self, google_email: str = "mia@example.com") -> None:
        url = (await self.ok("GET", "/api/google/auth?client=gmail"))["data"]["url"]
        async with self.world.session.get(await consent(url, google_email)) as reply:
            assert await reply.json() == {"data": {"ok": True}}

    async def connection(self, service: str = CALENDAR) -> Connection:
        (row,) = await self.world.rows(
            "SELECT c.id FROM connections c JOIN users u ON u.id = c.user_id"
            " WHERE u.email = ? AND c.service = ?",
            self.email,
            service,
        )
        found = await self.world.app.house.connections.get(row["id"])
        assert found is not None
        return found

    async def sync(self, service: str = CALENDAR) -> None:
        """Run the plugin's task by hand, as its schedule does by time."""
        (plugin,) = (one for one in self.world.app.opening.plugins.loaded if one.name == "google")
        (task,) = (one for one in plugin.contributions.tasks if one.service == service)
        await task.run(await self.connection(service))
        if service == CALENDAR:
            await self.world.quiet()

    async def two_way(self) -> None:
        await self.ok("PUT", "/integrations/google/settings", {"syncMode": "two-way"})

    async def synced(self) -> None:
        """Wait for the first look, which the schedule makes."""

        async def status() -> Any:
            return (await self.ok("GET", "/integrations/status"))["data"]["googleCalendar"]["lastSyncAt"]

        await eventually(status)
        await self.world.quiet()

    async def book(self, customer: str = "John Doe", at: datetime = NOON, **more: Any) -> Any:
        body = {"customerName": customer, "scheduledAt": at.isoformat(), "duration": 30, **more}
        return await self.ok("POST", "/api/appointments", body)

    async def appointments(self) -> list[Any]:
        reply = await self.ok("GET", "/api/appointments")
        listed: list[Any] = reply.get("appointments", reply.get("data"))
        return listed


@pytest.fixture
def database_url(column: str, request: pytest.FixtureRequest) -> str:
    if column == "sqlite":
        return ""
    made: columns.PostgreSQL = request.getfixturevalue("postgresql")
    return made.shared()


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
    for name, value in {**google.settings(), **rarely, **env}.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    settings = Settings(
        data_dir=tmp_path,
        database_url=database_url,
        serve_jobs=True,
        secret_key="x" * 40,
        plugins=("google",),
        allow_private_targets=True,
        rate_limits=False,
        port=port,
    )
    app = build(settings)
    try:
        await app.opening.open()
        async with serving(app, port) as url, aiohttp.ClientSession() as session:
            yield World(app, google, url, session)
    finally:
        await app.opening.close()


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
