"""Google's stand-in, and a way to ask it like any client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from rallypoint.testing.google import CLIENT, MIA, GoogleFake, consent

CALENDAR = "https://www.googleapis.com/auth/calendar.events"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
GMAIL = "https://www.googleapis.com/auth/gmail.readonly https://www.googleapis.com/auth/gmail.send"
CALLBACK = "http://127.0.0.1:1/callback"


class Asker:
    """Asks the fake and returns status and JSON."""

    def __init__(self, fake: GoogleFake, session: aiohttp.ClientSession) -> None:
        self.fake = fake
        self.session = session
        self.token = ""

    async def form(self, path: str, **form: str) -> tuple[int, Any]:
        async with self.session.post(self.fake.url + path, data=form) as reply:
            return reply.status, await reply.json()

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        url = URL(self.fake.url + path, encoded=True).extend_query(query)
        async with self.session.request(method, url, json=body, headers=sent) as reply:
            return reply.status, await reply.json() if reply.content_length else None

    def auth_url(self, scope: str = f"openid {EMAIL} {CALENDAR}", **more: str) -> str:
        asked = {
            "client_id": CLIENT.id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": scope,
            "state": "abc",
            "access_type": "offline",
            "prompt": "consent",
            **more,
        }
        return str(URL(self.fake.url + "/o/oauth2/v2/auth").with_query(asked))

    async def exchange(self, code: str, **more: str) -> tuple[int, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CLIENT.id,
            "client_secret": CLIENT.secret,
            **more,
        }
        return await self.form("/token", **form)

    async def sign_in(
        self, scope: str = f"openid {EMAIL} {CALENDAR}", email: str = MIA.email
    ) -> dict[str, Any]:
        back = await consent(self.auth_url(scope), email)
        status, tokens = await self.exchange(back.query["code"])
        assert status == 200, tokens
        self.token = tokens["access_token"]
        return tokens


@pytest_asyncio.fixture
async def google() -> AsyncIterator[GoogleFake]:
    async with GoogleFake() as running:
        yield running


@pytest_asyncio.fixture
async def ask(google: GoogleFake) -> AsyncIterator[Asker]:
    async with aiohttp.ClientSession() as session:
        yield Asker(google, session)


@pytest_asyncio.fixture
async def mia(ask: Asker) -> Asker:
    """An asker who has Mia's calendar."""
    await ask.sign_in()
    return ask


@pytest.fixture
def meeting() -> dict[str, Any]:
    """An event that Google takes."""
    return {
        "summary": "Tea",
        "start": {"dateTime": "2026-11-30T10:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-11-30T11:00:00Z", "timeZone": "Europe/Berlin"},
    }
