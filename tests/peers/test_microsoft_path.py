"""Microsoft from the consent page to the calendar and back, against npm emulate's sign-in and a real server.

The emulator has no calendars; those are the stand-in's, which Microsoft's own description of Graph checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from rallypoint.testing.google import consent
from rallypoint.testing.microsoft import CLIENT_ID, CLIENT_SECRET, MicrosoftFake
from rallypoint.testing.microsoft.events import Resource
from rallypoint.testing.microsoft.view import span
from rallypoint.testing.server import ServerProcess
from rallypoint.testing.waiting import eventually
from support.emulate import emulator
from support.graph import graph_document

pytestmark = [pytest.mark.node, pytest.mark.slow]

MIA = "mia@example.com"
CALLBACK = "/integrations/microsoft/callback"
SEED = f"""\
microsoft:
  users:
    - email: {MIA}
      name: Mia Moser
  oauth_clients:
    - client_id: {CLIENT_ID}
      client_secret: {CLIENT_SECRET}
      name: Rallypoint
      redirect_uris: ["{{server}}{CALLBACK}"]
"""


@dataclass
class Path_:
    """A server, the stand-in behind the emulator's sign-in, and Mia, who uses both."""

    server: ServerProcess
    microsoft: MicrosoftFake
    token: str = ""

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        status, reply = await asyncio.to_thread(self.server.request, method, path, body, token=self.token)
        assert status < 300, (status, reply)
        return reply

    async def connect(self) -> URL:
        """Go through the consent page, and return where the browser ends up."""
        begun = await self.ask("POST", "/integrations/microsoft/connect")
        back = await consent(begun["data"]["authUrl"], MIA)
        async with aiohttp.ClientSession() as browser, browser.get(back, allow_redirects=False) as reply:
            assert reply.status == 303, await reply.text()
            return URL(reply.headers["Location"])

    async def status(self) -> Any:
        return (await self.ask("GET", "/integrations/status"))["data"]["outlookCalendar"]

    async def appointment(self, id_: int) -> Any:
        return await self.ask("GET", f"/api/appointments/{id_}")

    async def in_outlook(self, count: int) -> list[Resource]:
        async def seen() -> list[Resource]:
            return list(self.microsoft.calendar(MIA).events.values())

        return await eventually(seen, lambda found: len(found) == count)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    env = {"RALLYPOINT_RATE_LIMITS": "off", "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on"}
    running = ServerProcess(tmp_path / "server", env)
    yield running
    running.stop()


@pytest_asyncio.fixture
async def path(server: ServerProcess, tmp_path: Path) -> AsyncIterator[Path_]:
    with emulator("microsoft", SEED.format(server=server.url), tmp_path) as url:
        async with MicrosoftFake(url, described=graph_document()) as microsoft:
            yield Path_(server, microsoft)
            assert microsoft.graph.problems == []


async def test_the_whole_path(path: Path_) -> None:
    """Connect, book, see it there, move it there, see it move here, cancel here, see it gone there."""
    path.microsoft.books.lifetime = 5  # so that the emulator replaces the refresh token on the way
    path.server.configure(path.microsoft.settings())
    await asyncio.to_thread(path.server.start)
    path.token = await asyncio.to_thread(path.server.register, MIA)

    assert await path.status() == {"connected": False}
    landed = await path.connect()
    assert (landed.path, landed.query_string) == ("/settings/integrations", "success=true")
    shown = await path.status()
    assert (shown["connected"], shown["email"], shown["syncMode"]) == (True, MIA, "one-way")
    await path.ask("PUT", "/integrations/microsoft/settings", {"syncMode": "two-way"})

    tomorrow = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=1)
    body = {"customerName": "John Doe", "scheduledAt": tomorrow.isoformat(), "duration": 30}
    booked = await path.ask("POST", "/api/appointments", body)
    (event,) = await path.in_outlook(1)
    assert event["subject"] == "Appointment with John Doe"
    assert span(event) == (tomorrow, tomorrow + timedelta(minutes=30))

    await eventually(lambda: asyncio.sleep(0, list(path.microsoft.subscriptions.open)))
    path.microsoft.calendar(MIA).move(event["id"], timedelta(hours=3))
    later = f"{tomorrow + timedelta(hours=3):%Y-%m-%dT%H:%M}"
    await eventually(lambda: path.appointment(booked["id"]), lambda one: one["scheduledAt"].startswith(later))

    await asyncio.sleep(path.microsoft.books.lifetime)
    await path.ask("POST", f"/api/appointments/{booked['id']}/cancel", {"reason": "Ill"})
    await path.in_outlook(0)
    assert len(path.microsoft.refresh_tokens) >= 2

    timeline = (await path.ask("GET", "/api/v1/connections/outlook_calendar/timeline"))["data"]
    assert {"connected", "refreshed", "pushed", "polled", "renewal", "notified"} <= {
        one["kind"] for one in timeline["marks"]
    }
    await path.ask("DELETE", "/integrations/microsoft/disconnect")
    assert not path.microsoft.subscriptions.open
    assert await path.status() == {"connected": False}
    log = path.server.log.read_text()
    assert not [token for token in path.microsoft.refresh_tokens if token in log]
    assert CLIENT_SECRET not in log
