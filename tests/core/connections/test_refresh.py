"""Tokens kept fresh: one request for each, whoever asks and however the provider behaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.core.connections.conftest import ALICE, Pushed
from tests.core.connections.oauth import SETTINGS, age, connect, oauth_service, process

from rallypoint.connections import records
from rallypoint.connections.api import Connection
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.refresh import Held
from rallypoint.connections.service import Connections
from rallypoint.connections.tokens import Tokens
from rallypoint.errors import BadConfig, NeedsReauth, PermanentFailure, RetryLater
from rallypoint.security.vault import Vault
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from rallypoint.testing.oauth import OAuthFake


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


@pytest_asyncio.fixture
async def cal(database: Database, http: ProviderHttp, fake: OAuthFake, pushed: Pushed) -> Connections:
    connections = process(database, http, pushed)
    connections.declare("cal", oauth_service(fake))
    await connect(connections)
    return connections


async def found(connections: Connections) -> Connection:
    connection = await connections.find(ALICE.account_id, ALICE.user_id, "live", "cal")
    assert connection is not None
    return connection


async def me(connection: Connection) -> str:
    return str((await connection.client.get_json("/me"))["email"])


def tokens(connections: Connections, row: Any) -> Tokens:
    return connections._declared.keeper.unseal(row).tokens


async def told(database: Database) -> list[str]:
    rows = await database.fetch("SELECT type FROM events WHERE subject LIKE 'connection:%' ORDER BY seq")
    return [row["type"] for row in rows]


async def test_a_hundred_calls_at_once_make_one_token_request(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await age(database, cal)
    clients = [await found(cal) for _ in range(50)]
    answers = await asyncio.gather(*(me(client) for client in clients + clients))
    assert answers == ["alice@example.com"] * 100
    assert len(fake.token_requests("refresh_token")) == 1
    assert not any(grant.ended for grant in fake.books.grants)


async def test_so_they_do_in_two_processes(
    cal: Connections, database: Database, http: ProviderHttp, fake: OAuthFake
) -> None:
    other = process(database, http)
    other.declare("cal", oauth_service(fake))
    for round_ in range(1, 4):
        await age(database, cal)
        clients = [await found(each) for each in [cal, other] * 25]
        assert set(await asyncio.gather(*map(me, clients))) == {"alice@example.com"}
        assert len(fake.token_requests("refresh_token")) == round_


async def test_a_hundred_refused_calls_make_one_token_request(cal: Connections, fake: OAuthFake) -> None:
    fake.books.forget_access()
    clients = [await found(cal) for _ in range(50)]
    answers = await asyncio.gather(*(me(client) for client in clients + clients))
    assert set(answers) == {"alice@example.com"}
    assert len(fake.token_requests("refresh_token")) == 1


async def test_a_refresh_token_that_rotates_is_kept(cal: Connections, database: Database) -> None:
    seen = set()
    for _ in range(3):
        await age(database, cal)
        await me(await found(cal))
        seen.add(tokens(cal, await cal.row(ALICE, "cal")).refresh)
    assert len(seen) == 3


async def test_one_that_does_not_come_again_is_kept_too(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    fake.books.rotating = False
    before = tokens(cal, await cal.row(ALICE, "cal")).refresh
    for _ in range(3):
        await age(database, cal)
        await me(await found(cal))
    assert tokens(cal, await cal.row(ALICE, "cal")).refresh == before


async def test_a_lost_reply_leaves_the_old_token_to_try(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    fake.books.rotating = False
    await age(database, cal)
    fake.fail(cut=True, path="/token")
    with pytest.raises(RetryLater):
        await me(await found(cal))
    assert (await found(cal)).state == "connected"
    assert await me(await found(cal)) == "alice@example.com"
    assert await told(database) == []


async def test_a_lost_reply_with_a_token_that_is_spent_ends_in_one_notice(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await age(database, cal)
    fake.fail(cut=True, path="/token")
    with pytest.raises(RetryLater):
        await me(await found(cal))
    for _ in range(2):
        with pytest.raises(NeedsReauth):
            await me(await found(cal))
    assert await told(database) == ["connection.needs_reauth"]


async def test_a_dead_grant_is_told_once_by_all_who_find_it(
    cal: Connections, database: Database, http: ProviderHttp, fake: OAuthFake, pushed: Pushed
) -> None:
    other = process(database, http)
    other.declare("cal", oauth_service(fake))
    await age(database, cal)
    fake.books.end("alice@example.com")
    clients = [await found(each) for each in [cal, other] * 10]
    results = await asyncio.gather(*map(me, clients), return_exceptions=True)
    assert all(isinstance(result, NeedsReauth) for result in results)
    assert await told(database) == ["connection.needs_reauth"]
    assert (await cal.row(ALICE, "cal"))["reason"] != ""


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "30"}},
        {"status": 429, "headers": {"Retry-After": "30"}},
        {"delay": 6},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": "{}"},
    ],
)
async def test_a_token_endpoint_in_trouble_leaves_the_connection(
    cal: Connections, database: Database, fake: OAuthFake, fault: dict[str, Any]
) -> None:
    await age(database, cal)
    fake.fail(**fault, path="/token")
    with pytest.raises(RetryLater):
        await me(await found(cal))
    assert (await found(cal)).state == "connected"
    assert await told(database) == []


async def test_a_token_about_to_expire_is_refreshed_before(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await due_soon(database, cal)
    await me(await found(cal))
    assert len(fake.token_requests("refresh_token")) == 1


async def test_a_token_that_still_holds_serves_while_no_other_can_be_had(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await due_soon(database, cal)
    fake.fail(503, path="/token", times=5)
    assert await me(await found(cal)) == "alice@example.com"


async def test_who_has_time_does_not_wait_for_another_process(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await due_soon(database, cal)
    connection = await found(cal)
    lease = await Leases(database).acquire(records.lease_name(connection.id), 60)
    assert lease is not None
    assert await me(connection) == "alice@example.com"
    assert fake.token_requests("refresh_token") == []


async def due_soon(database: Database, connections: Connections) -> None:
    row = await connections.row(ALICE, "cal")
    held = tokens(connections, row)
    soon = Tokens(held.access, held.refresh, clock.now() + 30_000, 3_600_000)
    async with database.transaction() as tx:
        await tx.execute("UPDATE connections SET credential = ?", Vault(SETTINGS).encrypt(soon.pack()))


async def test_a_token_refused_twice_is_dead(cal: Connections, database: Database, fake: OAuthFake) -> None:
    fake.fail(401, path="/me", times=10)
    with pytest.raises(NeedsReauth):
        await me(await found(cal))
    assert len(fake.received("GET", "/me")) == 3  # one of them while it was connected
    assert len(fake.token_requests("refresh_token")) == 1
    assert await told(database) == ["connection.needs_reauth"]


async def test_without_a_refresh_token_the_end_is_the_end(
    database: Database, http: ProviderHttp, fake: OAuthFake
) -> None:
    fake.books.gives_refresh = False
    connections = process(database, http)
    connections.declare("cal", oauth_service(fake))
    await connect(connections)
    assert await me(await found(connections)) == "alice@example.com"
    await age(database, connections)
    with pytest.raises(NeedsReauth, match="no refresh token"):
        await me(await found(connections))
    assert fake.token_requests("refresh_token") == []


async def test_a_refresh_token_that_comes_once_outlives_a_reconnection(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    """Google sends it with the first consent alone, unless it is asked for each time."""
    first = tokens(cal, await cal.row(ALICE, "cal")).refresh
    await cal.mark_needs_reauth(await found(cal), "401")
    fake.books.gives_refresh = False
    await connect(cal)
    assert tokens(cal, await cal.row(ALICE, "cal")).refresh == first
    await cal.mark_needs_reauth(await found(cal), "401")
    await connect(cal, email="bob@example.com")
    assert tokens(cal, await cal.row(ALICE, "cal")).refresh == ""


async def test_the_operators_wrong_secret_is_not_the_users_matter(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    fake.client_secret = "another"
    await age(database, cal)
    with pytest.raises(BadConfig, match="client id or secret"):
        await me(await found(cal))
    assert (await found(cal)).state == "connected"


async def test_who_gives_up_waiting_does_not_stop_the_refresh(
    cal: Connections, database: Database, fake: OAuthFake
) -> None:
    await age(database, cal)
    fake.fail(delay=0.2, path="/token")
    call = asyncio.create_task(me(await found(cal)))
    while not fake.received("POST", "/token"):
        await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await cal._declared.keeper.close()
    assert await me(await found(cal)) == "alice@example.com"
    assert len(fake.token_requests("refresh_token")) == 1


async def test_a_connection_made_anew_is_not_served_by_an_old_client(
    cal: Connections, database: Database
) -> None:
    await age(database, cal)
    old = await found(cal)
    await cal.mark_needs_reauth(old, "401")
    await connect(cal, email="bob@example.com")
    with pytest.raises(RetryLater, match="made anew"):
        await me(old)
    assert await me(await found(cal)) == "bob@example.com"


async def test_a_connection_that_is_gone_cannot_be_refreshed(cal: Connections, database: Database) -> None:
    await age(database, cal)
    old = await found(cal)
    await cal.disconnect(ALICE, "cal")
    with pytest.raises(PermanentFailure, match="gone"):
        await me(old)


async def test_of_two_refreshes_the_first_one_kept_counts(cal: Connections, database: Database) -> None:
    """As after a process was frozen for longer than its lease."""
    keeper = cal._declared.keeper
    held = keeper.unseal(await cal.row(ALICE, "cal"))
    first = await keeper._write(held, Tokens("at-first", "rt-first"))
    late = await keeper._write(held, Tokens("at-late", "rt-late"))
    assert (first.tokens.access, late.tokens.access) == ("at-first", "at-first")
    assert first.renewals == held.renewals + 1


async def test_a_refresh_that_comes_after_the_notice_mends_it(cal: Connections, database: Database) -> None:
    keeper = cal._declared.keeper
    connection = await found(cal)
    held = keeper.unseal(await cal.row(ALICE, "cal"))
    await cal.mark_needs_reauth(connection, "invalid_grant")
    await keeper._write(held, Tokens("at-late", "rt-late"))
    assert (await found(cal)).state == "connected"
    assert await told(database) == ["connection.needs_reauth", "connection.recovered"]


async def test_tokens_sealed_with_lost_keys_ask_for_a_new_consent(
    cal: Connections, database: Database
) -> None:
    async with database.transaction() as tx:
        await tx.execute("UPDATE connections SET credential = 'gAAAA-of-another-key'")
    with pytest.raises(NeedsReauth, match="cannot be read"):
        await me(await found(cal))


def test_connections_are_not_refreshed_all_at_one_moment() -> None:
    hour = clock.HOUR
    ends = Tokens("a", "r", clock.now() + hour, hour)

    def margin(number: int) -> int:
        held = Held(f"connection-{number}", "cal", 1, 0, ends)
        low, high = 0, hour
        while high - low > 1000:
            middle = (low + high) // 2
            moved = Held(held.connection_id, "cal", 1, 0, Tokens("a", "r", clock.now() + middle, hour))
            low, high = (middle, high) if moved.due else (low, middle)
        return low

    margins = [margin(number) for number in range(200)]
    assert min(margins) >= 59_000
    assert max(margins) <= 5 * clock.MINUTE
    assert len({one // 10_000 for one in margins}) > 15


def test_short_lived_tokens_are_used_for_most_of_their_life() -> None:
    fresh = Held("c", "cal", 1, 0, Tokens("a", "r", clock.now() + 10_000, 10_000))
    over = Held("c", "cal", 1, 0, Tokens("a", "r", clock.now() + 1_000, 10_000))
    endless = Held("c", "cal", 1, 0, Tokens("a", "r"))
    assert (fresh.due, over.due, endless.due) == (False, True, False)
