"""Clients with the operator's own credentials, for which the provider issues tokens."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from rallypoint.connections.api import TokenSource
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.errors import BadConfig, RetryLater
from rallypoint.testing.oauth import OAuthFake


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


def source(fake: OAuthFake, secret: str = "client-secret", **params: str) -> TokenSource:
    made = TokenSource(f"{fake.url}/token", fake.client_id, SecretStr(secret))
    return dataclasses.replace(made, params=params) if params else made


async def test_one_token_serves_all_calls(connections: Connections, fake: OAuthFake) -> None:
    clients = [connections.app_client(fake.url, token=source(fake)) for _ in range(10)]
    await asyncio.gather(*(client.get_json("/me") for client in clients * 10))
    assert len(fake.token_requests("client_credentials")) == 1
    assert fake.received("POST", "/token")[0].headers["Authorization"].startswith("Basic ")


async def test_zooms_grant(connections: Connections, fake: OAuthFake) -> None:
    token = source(fake, grant_type="account_credentials", account_id="acc-1")
    await connections.app_client(fake.url, token=token).get_json("/me")
    assert b"account_id=acc-1" in fake.token_requests("account_credentials")[0].body


async def test_a_token_is_renewed_when_it_ends(connections: Connections, fake: OAuthFake) -> None:
    fake.books.lifetime = 1
    client = connections.app_client(fake.url, token=source(fake))
    await client.get_json("/me")
    await asyncio.sleep(0.85)
    await client.get_json("/me")
    assert len(fake.token_requests("client_credentials")) == 2


async def test_a_refused_token_is_renewed_once_for_all(connections: Connections, fake: OAuthFake) -> None:
    client = connections.app_client(fake.url, token=source(fake))
    await client.get_json("/me")
    fake.books.forget_access()
    await asyncio.gather(*(client.get_json("/me") for _ in range(50)))
    assert len(fake.token_requests("client_credentials")) == 2


async def test_wrong_credentials_are_the_operators_matter(connections: Connections, fake: OAuthFake) -> None:
    client = connections.app_client(fake.url, token=source(fake, "wrong"))
    with pytest.raises(BadConfig, match="client id or secret"):
        await client.get_json("/me")
    unknown = connections.app_client(fake.url, token=source(fake, grant_type="password"))
    with pytest.raises(BadConfig, match="unsupported_grant_type"):
        await unknown.get_json("/me")


async def test_a_provider_that_refuses_its_own_token_too(connections: Connections, fake: OAuthFake) -> None:
    fake.fail(401, path="/me", times=2)
    with pytest.raises(BadConfig, match="just issued"):
        await connections.app_client(fake.url, token=source(fake)).get_json("/me")


async def test_a_token_endpoint_that_is_away(connections: Connections, fake: OAuthFake) -> None:
    fake.fail(503, path="/token")
    client = connections.app_client(fake.url, token=source(fake))
    with pytest.raises(RetryLater):
        await client.get_json("/me")
    await client.get_json("/me")


async def test_a_secret_is_shown_nowhere(
    http: ProviderHttp, connections: Connections, fake: OAuthFake
) -> None:
    token = source(fake, "s3cret-of-ours")
    assert "s3cret" not in f"{token!r} {connections.app_client(fake.url, token=token)!r}"
