"""The stand-in for authorisation servers refuses what a real one refuses."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio

from rallypoint.testing.oauth import OAuthFake, consent, handed_back
from rallypoint.testing.oauth_books import challenge

VERIFIER = "v" * 43
BACK = "https://rally.example/callback"


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


def page(fake: OAuthFake, **changed: str | None) -> str:
    asked = {
        "client_id": fake.client_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "s",
        "scope": "a b",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
        **changed,
    }
    return f"{fake.url}/authorize?{urlencode({name: value for name, value in asked.items() if value is not None})}"


async def token(fake: OAuthFake, form: dict[str, str], *, basic: bool = False) -> tuple[int, Any]:
    encoded = base64.b64encode(f"{fake.client_id}:{fake.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {encoded}"} if basic else {}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(f"{fake.url}/token", data=form) as got,
    ):
        return got.status, await got.json()


def exchange(fake: OAuthFake, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "client_id": fake.client_id,
        "client_secret": fake.client_secret,
    }


async def code_of(fake: OAuthFake) -> str:
    return handed_back(await consent(page(fake)))["code"]


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"response_type": "token"},
        {"state": None},
        {"scope": None},
        {"code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
    ],
)
async def test_a_wrong_question_gets_no_page(fake: OAuthFake, changed: dict[str, str | None]) -> None:
    with pytest.raises(RuntimeError, match="answered 400"):
        await consent(page(fake, **changed))


async def test_a_redirect_uri_must_be_registered(fake: OAuthFake) -> None:
    fake.redirect_uris = ["https://elsewhere.example/"]
    with pytest.raises(RuntimeError, match="not registered"):
        await consent(page(fake))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": f"{BACK}/"}, "invalid_grant"),
        ({"code": "code-unknown"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_a_wrong_exchange_is_refused(fake: OAuthFake, changed: dict[str, str], error: str) -> None:
    status, said = await token(fake, {**exchange(fake, await code_of(fake)), **changed})
    assert (status, said["error"]) == (401 if error == "invalid_client" else 400, error)


async def test_a_code_that_comes_twice_ends_what_it_brought(fake: OAuthFake) -> None:
    code = await code_of(fake)
    assert (await token(fake, exchange(fake, code)))[0] == 200
    assert (await token(fake, exchange(fake, code)))[1]["error"] == "invalid_grant"
    assert fake.books.grants[0].ended


async def test_a_spent_refresh_token_ends_its_grant(fake: OAuthFake) -> None:
    _, said = await token(fake, exchange(fake, await code_of(fake)))
    form = {"grant_type": "refresh_token", "refresh_token": said["refresh_token"]}
    status, fresh = await token(fake, form, basic=True)
    assert (status, fresh["refresh_token"] != said["refresh_token"]) == (200, True)
    assert (await token(fake, form, basic=True))[1]["error"] == "invalid_grant"
    form["refresh_token"] = fresh["refresh_token"]
    assert (await token(fake, form, basic=True))[1]["error"] == "invalid_grant"


async def test_a_client_says_who_it_is_once(fake: OAuthFake) -> None:
    status, said = await token(fake, exchange(fake, await code_of(fake)), basic=True)
    assert (status, said["error"]) == (400, "invalid_request")


async def test_a_token_opens_the_api_until_its_grant_ends(fake: OAuthFake) -> None:
    _, said = await token(fake, exchange(fake, await code_of(fake)))
    headers = {"Authorization": f"Bearer {said['access_token']}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        async with client.get(f"{fake.url}/me") as got:
            assert (await got.json())["email"] == "alice@example.com"
        await client.post(f"{fake.url}/revoke", data={"token": said["refresh_token"]})
        async with client.get(f"{fake.url}/me") as got:
            assert got.status == 401
