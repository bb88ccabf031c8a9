"""The end of a grant: told to the provider at once, or later, or not where it would end another's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.core.connections.conftest import ACCOUNT, ALICE, Pushed
from tests.core.connections.oauth import connect, oauth_service, process

from rallypoint.connections.api import Connection, Owner
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.testing.oauth import OAuthFake

BOB = Owner(ACCOUNT, "0190a000-0000-7000-8000-0000000000bb", "live")


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


@pytest_asyncio.fixture
async def cal(database: Database, http: ProviderHttp, fake: OAuthFake, pushed: Pushed) -> Connections:
    connections = process(database, http, pushed)
    connections.declare("cal", oauth_service(fake))
    return connections


async def waiting(database: Database) -> int:
    return len(await database.fetch("SELECT id FROM oauth_revocations"))


async def make_due(database: Database, by: int = clock.HOUR) -> None:
    async with database.transaction() as tx:
        await tx.execute("UPDATE oauth_revocations SET next_at = next_at - ?", by)


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "0"}}, {"cut": True}]
)
async def test_a_provider_that_is_away_is_told_later(
    cal: Connections, database: Database, fake: OAuthFake, fault: dict[str, Any]
) -> None:
    await connect(cal)
    fake.fail(**fault, path="/revoke", times=2)
    await cal.disconnect(ALICE, "cal")
    assert await cal.list(ALICE) == []
    assert await waiting(database) == 1
    await make_due(database)
    await cal.revocations.sweep()
    assert await waiting(database) == 1
    await cal.revocations.sweep()  # it is not due yet
    assert len(fake.received("POST", "/revoke")) == 2
    await make_due(database)
    await cal.revocations.sweep()
    assert await waiting(database) == 0
    assert fake.books.grants[0].ended


async def test_what_the_provider_refuses_is_done_with(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await connect(cal)
    fake.fail(400, body='{"error": "invalid_token"}', path="/revoke")
    await cal.disconnect(ALICE, "cal")
    assert await waiting(database) == 0


async def test_after_a_week_it_is_given_up(cal: Connections, database: Database, fake: OAuthFake) -> None:
    await connect(cal)
    fake.fail(503, path="/revoke", times=9)
    await cal.disconnect(ALICE, "cal")
    async with database.transaction() as tx:
        await tx.execute("UPDATE oauth_revocations SET created_at = created_at - ?", 7 * clock.DAY)
    await cal.revocations.sweep()
    assert await waiting(database) == 0


async def test_a_grant_that_another_connection_lives_on_is_not_ended(
    cal: Connections, fake: OAuthFake
) -> None:
    """Google's revocation ends a person's whole consent to us, whichever token it is made with."""
    cal.declare("mail", oauth_service(fake, "mail"))
    await connect(cal)
    await connect(cal, service="mail")
    await connect(cal, BOB)
    await cal.disconnect(ALICE, "cal")
    await cal.disconnect(ALICE, "mail")
    assert fake.received("POST", "/revoke") == []
    await cal.disconnect(BOB, "cal")
    assert len(fake.received("POST", "/revoke")) == 1
    assert all(grant.ended for grant in fake.books.grants)


async def test_one_of_another_account_is_ended_all_the_same(cal: Connections, fake: OAuthFake) -> None:
    await connect(cal)
    await connect(cal, BOB, email="bob@example.com")
    await cal.disconnect(ALICE, "cal")
    assert [grant.ended for grant in fake.books.grants] == [True, False]


async def test_reconnecting_another_account_ends_the_old_grant(cal: Connections, fake: OAuthFake) -> None:
    done = await connect(cal)
    await cal.mark_needs_reauth(done.connection, "401")
    await connect(cal, email="bob@example.com")
    assert [grant.ended for grant in fake.books.grants] == [True, False]


async def test_reconnecting_the_same_account_ends_nothing(cal: Connections, fake: OAuthFake) -> None:
    done = await connect(cal)
    await cal.mark_needs_reauth(done.connection, "401")
    await connect(cal)
    assert not any(grant.ended for grant in fake.books.grants)
    assert fake.received("POST", "/revoke") == []


async def test_a_provider_without_revocation_is_left_alone(
    database: Database, http: ProviderHttp, fake: OAuthFake
) -> None:
    connections = process(database, http)
    connections.declare("cal", oauth_service(fake, revoke_url=""))
    await connect(connections)
    await connections.disconnect(ALICE, "cal")
    assert await waiting(database) == 0


async def test_what_an_absent_plugin_left_waits_for_it(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await connect(cal)
    known = cal._declared.known.pop("cal")
    await cal.disconnect(ALICE, "cal")
    assert await waiting(database) == 1
    cal._declared.known["cal"] = known
    await make_due(database)
    await cal.revocations.sweep()
    assert fake.books.grants[0].ended


async def test_a_plugin_bids_farewell_while_its_token_works(
    database: Database, http: ProviderHttp, fake: OAuthFake
) -> None:
    said: list[str] = []

    async def farewell(connection: Connection) -> None:
        said.append((await connection.client.get_json("/me"))["email"])

    connections = process(database, http)
    connections.declare("cal", oauth_service(fake, farewell=farewell))
    await connect(connections)
    await connections.disconnect(ALICE, "cal")
    assert said == ["alice@example.com"]
    assert fake.books.grants[0].ended


async def test_a_farewell_that_fails_holds_up_nobody(
    database: Database, http: ProviderHttp, fake: OAuthFake
) -> None:
    async def farewell(connection: Connection) -> None:
        raise RuntimeError("no")

    connections = process(database, http)
    connections.declare("cal", oauth_service(fake, farewell=farewell))
    await connect(connections)
    await connections.disconnect(ALICE, "cal")
    assert await connections.list(ALICE) == []


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
async def test_a_provider_may_want_to_know_who_revokes(
    database: Database, http: ProviderHttp, fake: OAuthFake, auth: str
) -> None:
    connections = process(database, http)
    connections.declare("cal", oauth_service(fake, revoke_auth=auth, token_auth=auth))
    await connect(connections)
    await connections.disconnect(ALICE, "cal")
    request = fake.received("POST", "/revoke")[0]
    assert ("Authorization" in request.headers) == (auth == "client_secret_basic")
    assert (b"client_secret=" in request.body) == (auth == "client_secret_post")


async def test_by_default_the_token_goes_alone(cal: Connections, fake: OAuthFake) -> None:
    await connect(cal)
    await cal.disconnect(ALICE, "cal")
    request = fake.received("POST", "/revoke")[0]
    assert request.body.startswith(b"token=rt-")
    assert b"client" not in request.body
    assert "Authorization" not in request.headers
