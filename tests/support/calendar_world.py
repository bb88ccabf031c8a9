"""A Rallypoint in this process with a calendar provider's stand-in beside it, and people who use both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest
from yarl import URL

from rallypoint.app import App, build
from rallypoint.connections.api import Connection
from rallypoint.settings import Settings
from rallypoint.storage.database import Row
from rallypoint.testing.process import free_port
from rallypoint.testing.waiting import eventually
from support.conformance import serving

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@dataclass
class World(ABC):
    """The server, and through a field of the provider's tests its stand-in."""

    app: App
    url: str
    session: aiohttp.ClientSession

    @abstractmethod
    async def settle(self) -> None:
        """Wait until the stand-in has announced whatever changed in it."""

    async def sign_up(self, email: str) -> str:
        """Return the token of a new account's user."""
        body = {"user": {"email": email, "password": "correct horse battery", "company_name": "Test"}}
        async with self.session.post(f"{self.url}/api/registration", json=body) as reply:
            assert reply.status == 201, await reply.text()
            return str((await reply.json())["token"])

    async def rows(self, sql: str, *args: Any) -> list[Row]:
        return list(await self.app.house.database.fetch(sql, *args))

    async def told(self, event: str) -> int:
        """Return how often an event was raised."""
        (row,) = await self.rows("SELECT COUNT(*) AS n FROM events WHERE type = ?", event)
        return int(row["n"])

    async def quiet(self) -> None:
        """Wait until every announcement is handled, nothing is due, and nobody is at a calendar."""

        async def busy() -> list[Row]:
            await self.settle()
            return await self.rows(
                "SELECT connection_id FROM booking_calendar_cursors"
                " WHERE claimed_until > 0 OR poll_at IS NOT NULL OR last_sync_at IS NULL OR watch_at <= ?"
                " UNION SELECT connection_id FROM booking_calendar_links WHERE next_at IS NOT NULL"
                " UNION SELECT id FROM webhook_receipts WHERE state = 'pending'",
                ms(datetime.now(UTC)),
            )

        await eventually(busy, lambda rows: not rows, seconds=30)


@dataclass
class Person(ABC):
    """Somebody with an account here, and maybe one at the provider."""

    plugin: ClassVar[str]
    calendar: ClassVar[str]
    """The service that connects one."""
    shown_as: ClassVar[str]
    """Its key in ``/integrations/status``."""

    world: World
    token: str
    email: str

    @abstractmethod
    async def consent(self, url: str, email: str) -> URL:
        """Agree on the provider's page as one of its users, and return where it sends the browser."""

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
        begun = await self.ok("POST", f"/integrations/{self.plugin}/connect")
        return str(begun["data"]["authUrl"])

    async def come_back(self, back: URL) -> URL:
        """Let the browser follow where the provider sends it, and return where we send it."""
        async with self.world.session.get(back, allow_redirects=False) as reply:
            assert reply.status == 303, await reply.text()
            return URL(reply.headers["Location"])

    async def connect(self, email: str = "mia@example.com") -> None:
        landed = await self.come_back(await self.consent(await self.begin(), email))
        assert landed.query_string == "success=true"

    async def connection(self, service: str = "") -> Connection:
        (row,) = await self.world.rows(
            "SELECT c.id FROM connections c JOIN users u ON u.id = c.user_id"
            " WHERE u.email = ? AND c.service = ?",
            self.email,
            service or self.calendar,
        )
        found = await self.world.app.house.connections.get(row["id"])
        assert found is not None
        return found

    async def sync(self, service: str = "") -> None:
        """Run the plugin's task by hand, as its schedule does by time."""
        service = service or self.calendar
        (plugin,) = (one for one in self.world.app.opening.plugins.loaded if one.name == self.plugin)
        (task,) = (one for one in plugin.contributions.tasks if one.service == service)
        await task.run(await self.connection(service))
        if service == self.calendar:
            await self.world.quiet()

    async def two_way(self) -> None:
        await self.ok("PUT", f"/integrations/{self.plugin}/settings", {"syncMode": "two-way"})

    async def synced(self, seconds: float = 15.0) -> None:
        """Wait for the first look, which the schedule makes."""

        async def status() -> Any:
            return (await self.ok("GET", "/integrations/status"))["data"][self.shown_as]["lastSyncAt"]

        await eventually(status, seconds=seconds)
        await self.world.quiet()

    async def book(self, customer: str = "John Doe", at: datetime = NOON, **more: Any) -> Any:
        body = {"customerName": customer, "scheduledAt": at.isoformat(), "duration": 30, **more}
        return await self.ok("POST", "/api/appointments", body)

    async def appointments(self) -> list[Any]:
        reply = await self.ok("GET", "/api/appointments")
        listed: list[Any] = reply.get("appointments", reply.get("data"))
        return listed


@asynccontextmanager
async def opened(
    plugin: str, folder: Path, database_url: str, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[App, str, aiohttp.ClientSession]]:
    """Serve a house with one plugin, with further variables, and yield it, its URL and a client of it."""
    quickly = {f"RALLYPOINT_{plugin.upper()}_REQUESTS_PER_SECOND": "1000"}  # the core's tests are about pace
    for name, value in {**quickly, **env}.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    settings = Settings(
        data_dir=folder,
        database_url=database_url,
        serve_jobs=True,
        secret_key="x" * 40,
        plugins=(plugin,),
        allow_private_targets=True,
        rate_limits=False,
        port=port,
    )
    app = build(settings)
    try:
        await app.opening.open()
        async with serving(app, port) as url, aiohttp.ClientSession() as session:
            yield app, url, session
    finally:
        await app.opening.close()
