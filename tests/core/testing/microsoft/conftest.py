"""Microsoft's stand-in, and a way to ask it like any client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio
from yarl import URL

from rallypoint.testing.microsoft import CLIENT_ID, CLIENT_SECRET, MIA, MicrosoftFake
from rallypoint.testing.microsoft.signin import AUTH_PATH, TOKEN_PATH
from rallypoint.testing.oauth import consent, handed_back
from rallypoint.testing.oauth_books import challenge

CALLBACK = "http://127.0.0.1:1/callback"
VERIFIER = "v" * 43
SCOPES = "offline_access User.Read Calendars.ReadWrite"


class Asker:
    """Asks the fake and returns status and JSON."""

    def __init__(self, fake: MicrosoftFake, session: aiohttp.ClientSession) -> None:
        self.fake, self.session, self.token = fake, session, ""

    async def __call__(
        self, method: str, path: str, body: Any = None, *, prefer: str = "", **headers: str
    ) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}", **named} | ({"Prefer": prefer} if prefer else {})
        url = path if path.startswith("http") else f"{self.fake.url}/v1.0{path}"
        async with self.session.request(method, url, json=body, headers=sent) as reply:
            return reply.status, await reply.json() if await reply.read() else None

    async def form(self, **form: str) -> tuple[int, Any]:
        known = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        async with self.session.post(self.fake.url + TOKEN_PATH, data={**known, **form}) as reply:
            return reply.status, await reply.json()

    async def sign_in(self, scope: str = SCOPES) -> Any:
        asked = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": scope,
            "state": "abc",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
        }
        back = await consent(str(URL(self.fake.url + AUTH_PATH).with_query(asked)), MIA)
        status, issued = await self.form(
            grant_type="authorization_code",
            code=handed_back(back)["code"],
            redirect_uri=CALLBACK,
            code_verifier=VERIFIER,
        )
        assert status == 200, issued
        self.token = issued["access_token"]
        return issued


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[MicrosoftFake]:
    async with MicrosoftFake() as running:
        yield running


@pytest_asyncio.fixture
async def stranger(fake: MicrosoftFake) -> AsyncIterator[Asker]:
    async with aiohttp.ClientSession() as session:
        yield Asker(fake, session)


@pytest_asyncio.fixture
async def mia(stranger: Asker) -> Asker:
    """Mia, signed in."""
    await stranger.sign_in()
    return stranger
