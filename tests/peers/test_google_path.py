"""Google from the consent page to the calendar, against npm emulate and a real server: the path that users go."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from yarl import URL

from rallypoint.testing.google import CLIENT, GoogleFake, consent
from rallypoint.testing.server import ServerProcess
from rallypoint.testing.waiting import eventually
from support.emulate import emulator

pytestmark = [pytest.mark.node, pytest.mark.slow]

MIA = "mia@example.com"
CALLBACK = "/integrations/google/callback"
SEED = f"""\
google:
  users:
    - email: {MIA}
      name: Mia Moser
  oauth_clients:
    - client_id: {CLIENT.id}
      client_secret: {CLIENT.secret}
      name: Rallypoint
      redirect_uris: ["{{server}}{CALLBACK}", "{{server}}/api/google/oauth"]
"""


@dataclass
class Path_:
    """A server, the emulator that signs its users in, and Mia, who uses both."""

    server: ServerProcess
    emulator: str
    google: GoogleFake
    token: str = ""

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        status, reply = await asyncio.to_thread(self.server.request, method, path, body, token=self.token)
        assert status < 300, (status, reply)
        return reply

    async def connect(self) -> URL:
        """Go through the consent page, and return where the browser ends up."""
        begun = await self.ask("POST", "/integrations/google/connect")
        back = await consent(begun["data"]["authUrl"], MIA)
        async with aiohttp.ClientSession() as browser, browser.get(back, allow_redirects=False) as reply:
            assert reply.status == 303, await reply.text()
            return URL(reply.headers["Location"])

    async def status(self) -> Any:
        return (await self.ask("GET", "/integrations/status"))["data"]["googleCalendar"]

    async def state(self) -> str:
        return (await self.ask("GET", "/api/v1/connections/google_calendar"))["data"]["state"]

    async def book(self, customer: str, at: datetime) -> Any:
        body = {"customerName": customer, "scheduledAt": at.isoformat(), "duration": 30, "notes": "First"}
        return await self.ask("POST", "/api/appointments", body)

    def told(self, event: str) -> int:
        """How often the owner was told of something."""
        return int(self.rows("SELECT COUNT(*) FROM events WHERE type = ?", event)[0][0])

    def rows(self, sql: str, *args: Any) -> list[Any]:
        database = sqlite3.connect(f"file:{self.server.data_dir / 'rallypoint.db'}?mode=ro", uri=True)
        try:
            return database.execute(sql, args).fetchall()
        finally:
            database.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    env = {"RALLYPOINT_RATE_LIMITS": "off", "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on"}
    running = ServerProcess(tmp_path / "server", env)
    yield running
    running.stop()


@pytest_asyncio.fixture
async def path(server: ServerProcess, tmp_path: Path) -> AsyncIterator[Path_]:
    with emulator("google", SEED.format(server=server.url), tmp_path) as url:
        async with GoogleFake(url) as google:
            yield Path_(server, url, google)


async def in_emulator(url: str) -> dict[str, Any]:
    """Return the emulator's own calendar, by summary; any token is its first user's."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as session,
        session.get(f"{url}/calendar/v3/calendars/primary/events?maxResults=250") as reply,
    ):
        return {event["summary"]: event for event in (await reply.json())["items"]}


async def test_connect_book_lose_the_grant_and_connect_again(path: Path_) -> None:
    """The emulator's sign-in and the emulator's calendar; only its tokens live shorter than it says."""
    path.google.grants.lifetime = 4
    path.server.configure({**path.google.settings(), "RALLYPOINT_GOOGLE_API_URL": path.emulator})
    await asyncio.to_thread(path.server.start)
    path.token = await asyncio.to_thread(path.server.register, MIA)

    assert await path.status() == {"connected": False}
    landed = await path.connect()
    assert (landed.path, landed.query_string) == ("/settings/integrations", "success=true")
    shown = await path.status()
    assert (shown["connected"], shown["email"], shown["syncMode"]) == (True, MIA, "one-way")

    tomorrow = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=1)
    await path.book("John Doe", tomorrow)
    found = await eventually(
        lambda: in_emulator(path.emulator), lambda seen: "Appointment with John Doe" in seen
    )
    event = found["Appointment with John Doe"]
    assert datetime.fromisoformat(event["start"]["dateTime"]) == tomorrow

    for refresh_token in path.google.grants.issued:
        async with aiohttp.ClientSession() as session:
            await session.post(f"{path.emulator}/oauth2/revoke", data={"token": refresh_token})
    await asyncio.sleep(path.google.grants.lifetime)
    await path.book("Jane Roe", tomorrow + timedelta(hours=2))
    assert await eventually(path.state, lambda state: state == "needs_reauth")
    assert (await path.status())["needsReauth"] is True
    assert (path.told("connection.needs_reauth"), path.told("connection.recovered")) == (1, 0)
    assert "Appointment with Jane Roe" not in await in_emulator(path.emulator)

    assert (await path.connect()).query_string == "success=true"
    assert await path.state() == "connected"
    await eventually(lambda: in_emulator(path.emulator), lambda seen: "Appointment with Jane Roe" in seen)
    assert (path.told("connection.needs_reauth"), path.told("connection.recovered")) == (1, 1)
    assert "ya29" not in path.server.log.read_text()
    assert "google_refresh" not in path.server.log.read_text()


async def test_the_whole_path(path: Path_) -> None:
    """The emulator's sign-in, and behind it a calendar that can do all that Google's can."""
    path.server.configure(path.google.settings())
    await asyncio.to_thread(path.server.start)
    path.token = await asyncio.to_thread(path.server.register, MIA)
    calendar = path.google.calendar(MIA)

    assert (await path.connect()).query_string == "success=true"
    chosen = await path.ask("PUT", "/integrations/google/settings", {"syncMode": "two-way"})
    assert chosen == {"success": True, "data": {"syncMode": "two-way"}}

    tomorrow = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=1)
    booked = await path.book("John Doe", tomorrow)

    async def ours() -> list[Any]:
        return [
            event for event in calendar.events.values() if event["summary"] == "Appointment with John Doe"
        ]

    (event,) = await eventually(ours)
    assert event["description"] == "Callnfy appointment\nCustomer: John Doe\nPhone: \nNotes: First"
    assert event["reminders"] == {"useDefault": True}
    assert datetime.fromisoformat(event["start"]["dateTime"]) == tomorrow

    await eventually(channels_of(path), bool)
    later = tomorrow + timedelta(hours=3)
    calendar.merge(event["id"], {"start": at(later), "end": at(later + timedelta(minutes=30))})

    async def appointment() -> Any:
        return await path.ask("GET", f"/api/appointments/{booked['id']}")

    moved = await eventually(appointment, lambda one: datetime.fromisoformat(one["scheduledAt"]) == later)
    assert (moved["status"], moved["duration"]) == ("confirmed", 30)

    await path.ask("POST", f"/api/appointments/{booked['id']}/cancel", {"reason": "ill"})

    async def gone() -> bool:
        return calendar.events[event["id"]]["status"] == "cancelled"

    assert await eventually(gone)
    assert len(await ours()) == 1
    assert (await path.status())["lastSyncAt"] is not None
    timeline = (await path.ask("GET", "/api/v1/connections/google_calendar/timeline"))["data"]
    assert {"connected", "pushed", "polled", "notified", "renewal"} <= {
        line["kind"] for line in timeline["marks"]
    }

    await path.ask("DELETE", "/integrations/google/disconnect")
    assert await path.status() == {"connected": False}
    assert not path.google.channels.open
    assert path.google.grants.tokens() == []
    async with aiohttp.ClientSession() as session:
        secrets = {"client_id": CLIENT.id, "client_secret": CLIENT.secret}
        old = {"grant_type": "refresh_token", "refresh_token": path.google.grants.issued[-1], **secrets}
        async with session.post(f"{path.emulator}/oauth2/token", data=old) as refused:
            assert (refused.status, (await refused.json())["error"]) == (400, "invalid_grant")


def at(moment: datetime) -> dict[str, str]:
    return {"dateTime": moment.isoformat(), "timeZone": "UTC"}


def channels_of(path: Path_) -> Callable[[], Awaitable[list[str]]]:
    async def open_() -> list[str]:
        return list(path.google.channels.open)

    return open_


class Front:
    """The emulator's Gmail with the one method that it lacks: who somebody is, and where the present is."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.url = ""

    async def profile(self, request: web.Request) -> web.Response:
        headers = {"Authorization": request.headers["Authorization"]}
        watch = f"{self.upstream}/gmail/v1/users/me/watch"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(watch, json={"topicName": "projects/x/topics/y"}) as reply,
        ):
            return web.json_response({"emailAddress": MIA, "historyId": (await reply.json())["historyId"]})

    async def pass_on(self, request: web.Request) -> web.Response:
        kept = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(
                request.method, URL(self.upstream).join(request.rel_url), data=await request.read()
            ) as reply,
        ):
            return web.Response(status=reply.status, body=await reply.read(), content_type=reply.content_type)


@pytest_asyncio.fixture
async def front(path: Path_) -> AsyncIterator[Front]:
    made, app = Front(path.emulator), web.Application()
    app.router.add_get("/gmail/v1/users/me/profile", made.profile)
    app.router.add_route("*", "/{rest:.*}", made.pass_on)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_mail_comes_and_goes(path: Path_, front: Front) -> None:
    """The emulator's Gmail, which somebody else wrote."""
    often = {"RALLYPOINT_GOOGLE_GMAIL_POLL_SECONDS": "1", "RALLYPOINT_GOOGLE_GMAIL_API_URL": front.url}
    path.server.configure({**path.google.settings(), **often})
    await asyncio.to_thread(path.server.start)
    path.token = await asyncio.to_thread(path.server.register, MIA)
    url = (await path.ask("GET", "/api/google/auth?client=gmail"))["data"]["url"]
    async with aiohttp.ClientSession() as browser, browser.get(await consent(url, MIA)) as reply:
        assert await reply.json() == {"data": {"ok": True}}

    async def looked() -> Any:
        lines = (await path.ask("GET", "/api/v1/connections/gmail/timeline"))["data"]["marks"]
        return path.rows("SELECT connection_id FROM google_mailboxes") and lines

    await eventually(looked)
    raw = base64.urlsafe_b64encode(
        b"From: Jane <jane@example.org>\r\nTo: mia@example.com\r\nSubject: Question\r\n"
        b"Message-ID: <q@example.org>\r\nContent-Type: text/plain\r\n\r\nWhen?\r\n"
    ).decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as session,
        session.post(f"{path.emulator}/gmail/v1/users/me/messages/import", json={"raw": raw}) as reply,
    ):
        arrived = await reply.json()

    async def told() -> list[Any]:
        rows = path.rows("SELECT body FROM events WHERE type = 'email.received'")
        return [json.loads(bytes(row[0]))["data"] for row in rows]

    (mail,) = await eventually(told)
    assert (mail["id"], mail["subject"], mail["text"].strip()) == (arrived["id"], "Question", "When?")
    assert mail["from"]["email"] == "jane@example.org"

    answer = {"to": "jane@example.org", "text": "At noon", "thread_id": mail["threadId"]}
    sent = (await path.ask("POST", "/api/gmail/send", answer))["data"]
    assert sent["threadId"] == mail["threadId"]
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as session,
        session.get(f"{path.emulator}/gmail/v1/users/me/messages/{sent['id']}") as reply,
    ):
        kept = await reply.json()
    headers = {one["name"]: one["value"] for one in kept["payload"]["headers"]}
    assert (headers["Subject"], headers["In-Reply-To"]) == ("Re: Question", "<q@example.org>")
    assert len(await told()) == 1
