"""Which credentials hold, how long they are remembered, and how they end."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from rallypoint.errors import Unauthorized
from rallypoint.identity.authenticator import CachedAuthenticator
from rallypoint.identity.service import Identity
from rallypoint.identity.sessions import SignedIn
from rallypoint.security.tokens import AccessTokens
from rallypoint.settings import Settings
from rallypoint.storage.database import Database
from support.columns import only_sqlite

from .conftest import SECRET, Build

on_a_database = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def key_of(identity: Identity, user: SignedIn, *, sandbox: bool = False) -> str:
    principal = await identity.authenticator.authenticate(user.token)
    return (await identity.api_keys.create(principal, "test", sandbox=sandbox))[1]


@pytest_asyncio.fixture
async def credentials(identity: Identity, ada: SignedIn) -> tuple[str, str]:
    return ada.token, await key_of(identity, ada)


@on_a_database
@given(which=st.integers(0, 1), place=st.integers(0, 10_000), other=st.characters())
async def test_a_credential_with_any_character_changed_is_refused(
    identity: Identity, credentials: tuple[str, str], which: int, place: int, other: str
) -> None:
    credential = credentials[which]
    at = place % len(credential)
    assume(other != credential[at])

    with pytest.raises(Unauthorized):
        await identity.authenticator.authenticate(credential[:at] + other + credential[at + 1 :])
    await identity.authenticator.authenticate(credential)


async def test_every_other_last_character_of_a_signature_is_refused(
    identity: Identity, ada: SignedIn
) -> None:
    """Its two lowest bits are padding, so that a lenient decoder takes four spellings of one signature."""
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if last != ada.token[-1]:
            with pytest.raises(Unauthorized):
                await identity.authenticator.authenticate(ada.token[:-1] + last)


@on_a_database
@given(text=st.one_of(st.text(), st.text().map("rp_live_{}".format), st.text().map("test_sk_{}".format)))
@example("")
@example(".")
@example("..")
@example("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..")
@example("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.e30.")
@example("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30." + "A" * 43)
@example("rp_live_" + "\ud800" * 40)
@example("rp_live_" + "a" * 40 + "\n")
async def test_what_is_no_credential_is_refused(identity: Identity, text: str) -> None:
    with pytest.raises(Unauthorized):
        await identity.authenticator.authenticate(text)


async def test_a_token_of_another_server_is_refused(identity: Identity, ada: SignedIn) -> None:
    other = AccessTokens(Settings(_env_file=None, secret_key=SECRET[::-1]).derive("access-token"))
    ours = AccessTokens(Settings(_env_file=None, secret_key=SECRET).derive("access-token"))

    with pytest.raises(Unauthorized, match="signature"):
        await identity.authenticator.authenticate(other.issue(ours.read(ada.token)))


async def test_a_cached_token_still_ends_at_its_expiry(build: Build, ada: SignedIn) -> None:
    identity = build(access_ttl=2.0)
    signed_in = await identity.sessions.renew(ada.renew_token)
    principal = await identity.authenticator.authenticate(signed_in.token)
    assert principal.expires_at is not None

    await asyncio.sleep(principal.expires_at / 1000 - time.time() + 0.01)

    with pytest.raises(Unauthorized, match="expired"):
        await identity.authenticator.authenticate(signed_in.token)


async def test_a_revoked_key_ends_at_once_and_everyone_hears(identity: Identity, ada: SignedIn) -> None:
    key = await key_of(identity, ada)
    principal = await identity.authenticator.authenticate(key)
    heard: list[str] = []

    def deaf(_credential_id: str) -> None:
        raise RuntimeError("a callback of somebody else fails")

    identity.authenticator.on_revoked(deaf)
    identity.authenticator.on_revoked(heard.append)

    await identity.api_keys.revoke(principal, principal.credential_id)

    assert heard == [principal.credential_id]
    with pytest.raises(Unauthorized, match="revoked"):
        await identity.authenticator.authenticate(key)


@only_sqlite  # the answer must come from another thread
async def test_what_is_revoked_while_it_is_looked_up_is_refused(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    key = await key_of(identity, ada)
    owner = await identity.authenticator.authenticate(ada.token)
    key_id = (await identity.api_keys.all(owner))[0].id
    looking = asyncio.create_task(identity.authenticator.authenticate(key))
    await asyncio.sleep(0)
    time.sleep(0.05)  # the row has been read by now, as valid; the task cannot have gone on
    with closing(sqlite3.connect(database.path)) as elsewhere:
        elsewhere.execute("UPDATE api_keys SET revoked_at = 1")
        elsewhere.commit()
    identity.revocations.tell([key_id])

    with pytest.raises(Unauthorized, match="revoked"):
        await looking


async def test_a_session_that_is_forgotten_is_unknown(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM sessions")

    with pytest.raises(Unauthorized, match="unknown"):
        await identity.authenticator.authenticate(ada.token)


async def test_another_process_learns_of_a_revocation(build: Build, ada: SignedIn) -> None:
    here, there = build(), build(poll_seconds=0.02)
    key = await key_of(here, ada)
    principal = await here.authenticator.authenticate(key)
    await there.authenticator.authenticate(key)
    await there.authenticator.authenticate(ada.token)
    heard: list[str] = []
    there.authenticator.on_revoked(heard.append)
    await there.start()
    try:
        await here.api_keys.revoke(principal, principal.credential_id)
        await here.sessions.close(await here.authenticator.authenticate(ada.token))
        async with asyncio.timeout(5):
            while len(heard) < 2:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    finally:
        await there.stop()

    assert sorted(heard) == sorted({*heard}), "each is told once"
    for credential in (key, ada.token):
        with pytest.raises(Unauthorized, match="revoked"):
            await there.authenticator.authenticate(credential)


async def test_without_word_from_others_a_cached_key_dies_within_its_seconds(
    identity: Identity, build: Build, database: Database, ada: SignedIn
) -> None:
    key = await key_of(identity, ada)
    there = build()
    tokens = AccessTokens(b"k" * 32)
    cached = CachedAuthenticator(database, tokens, there.api_keys, there.revocations, seconds=0.2)
    principal = await cached.authenticate(key)
    await identity.api_keys.revoke(principal, principal.credential_id)

    await asyncio.sleep(0.25)

    with pytest.raises(Unauthorized, match="revoked"):
        await cached.authenticate(key)


async def test_the_cache_is_bounded_and_forgets_the_oldest(
    identity: Identity, build: Build, database: Database, ada: SignedIn
) -> None:
    keys = [await key_of(identity, ada) for _ in range(5)]
    there = build()
    cached = CachedAuthenticator(database, AccessTokens(b"k" * 32), there.api_keys, there.revocations, size=3)
    principals = [await cached.authenticate(key) for key in keys]
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM api_keys")

    for key in keys[:2]:
        with pytest.raises(Unauthorized):
            await cached.authenticate(key)
    assert [await cached.authenticate(key) for key in keys[2:]] == principals[2:]


async def test_last_use_is_written_in_batches(build: Build, ada: SignedIn) -> None:
    identity = build(poll_seconds=0.02)
    key = await key_of(identity, ada)
    principal = await identity.authenticator.authenticate(key)
    assert (await identity.api_keys.get(principal, principal.credential_id)).last_used_at is None

    await identity.start()
    try:
        async with asyncio.timeout(5):
            while (await identity.api_keys.get(principal, principal.credential_id)).last_used_at is None:
                await asyncio.sleep(0.01)
    finally:
        await identity.stop()


async def test_stopping_writes_down_what_is_left(identity: Identity, ada: SignedIn) -> None:
    key = await key_of(identity, ada)
    principal = await identity.authenticator.authenticate(key)

    await identity.stop()

    assert (await identity.api_keys.get(principal, principal.credential_id)).last_used_at is not None


async def test_housekeeping_survives_a_database_that_is_away(
    build: Build, database: Database, ada: SignedIn
) -> None:
    here, there = build(), build(poll_seconds=0.02)
    heard: list[str] = []
    there.authenticator.on_revoked(heard.append)
    async with database.transaction() as tx:
        await tx.execute("ALTER TABLE api_keys RENAME TO api_keys_away")
    await there.start()
    try:
        await asyncio.sleep(0.1)
        async with database.transaction() as tx:
            await tx.execute("ALTER TABLE api_keys_away RENAME TO api_keys")
        await here.sessions.close(await here.authenticator.authenticate(ada.token))
        async with asyncio.timeout(5):
            while not heard:
                await asyncio.sleep(0.01)
    finally:
        await there.stop()
