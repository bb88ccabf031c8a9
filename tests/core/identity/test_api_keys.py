"""Whose keys are whose, and that the sandbox never leads to live data."""

from __future__ import annotations

import asyncio

import pytest

from rallypoint.errors import Conflict, NotFound, Unauthorized
from rallypoint.identity.api import Principal
from rallypoint.identity.api_keys import MAX_KEYS
from rallypoint.identity.service import Identity
from rallypoint.identity.sessions import SignedIn
from rallypoint.storage import clock
from rallypoint.storage.database import Database

NOBODYS = "0190a000-0000-7000-8000-0000000000ff"


async def principal_of(identity: Identity, user: SignedIn) -> Principal:
    return await identity.authenticator.authenticate(user.token)


async def sandbox_of(identity: Identity, user: SignedIn) -> Principal:
    _, value = await identity.api_keys.create(await principal_of(identity, user), "sandbox", sandbox=True)
    return await identity.authenticator.authenticate(value)


async def test_another_users_key_does_not_exist(identity: Identity, ada: SignedIn, bob: SignedIn) -> None:
    key, value = await identity.api_keys.create(await principal_of(identity, ada), "hers", sandbox=False)
    other = await principal_of(identity, bob)

    with pytest.raises(NotFound):
        await identity.api_keys.get(other, key.id)
    with pytest.raises(NotFound):
        await identity.api_keys.revoke(other, key.id)
    assert await identity.api_keys.all(other) == []
    await identity.authenticator.authenticate(value)


@pytest.mark.parametrize("key_id", ["", "7", "\x00", "a" * 500, NOBODYS, NOBODYS.upper()])
async def test_an_id_that_names_nothing_is_not_found(identity: Identity, ada: SignedIn, key_id: str) -> None:
    principal = await principal_of(identity, ada)

    with pytest.raises(NotFound):
        await identity.api_keys.get(principal, key_id)
    with pytest.raises(NotFound):
        await identity.api_keys.revoke(principal, key_id)


async def test_neither_keys_nor_tokens_are_kept(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    _, value = await identity.api_keys.create(await principal_of(identity, ada), "ci", sandbox=False)

    stored = [
        *await database.fetch("SELECT * FROM api_keys"),
        *await database.fetch("SELECT * FROM sessions"),
    ]
    text = repr([dict(row) for row in stored])
    for secret in (value, value[len("rp_live_") :], ada.token, ada.renew_token):
        assert secret not in text


async def test_all_sandbox_keys_of_a_user_act_for_one_twin(identity: Identity, ada: SignedIn) -> None:
    principal = await principal_of(identity, ada)
    made = await asyncio.gather(*(identity.api_keys.create(principal, "s", sandbox=True) for _ in range(5)))

    twins = {await identity.authenticator.authenticate(value) for _, value in made}

    assert len({(twin.account_id, twin.user_id, twin.user_number) for twin in twins}) == 1
    twin = twins.pop()
    assert (twin.mode, twin.role) == ("sandbox", "admin")
    assert twin.account_id != principal.account_id
    assert twin.user_id != principal.user_id


async def test_users_of_one_account_share_its_sandbox(
    identity: Identity, database: Database, ada: SignedIn, bob: SignedIn
) -> None:
    async with database.transaction() as tx:
        await tx.execute("UPDATE users SET account_id = ? WHERE id = ?", ada.user.account_id, bob.user.id)
    again = await identity.sessions.renew(bob.renew_token)

    hers, his = await sandbox_of(identity, ada), await sandbox_of(identity, again)

    assert hers.account_id == his.account_id
    assert hers.user_id != his.user_id


async def test_a_sandbox_key_makes_and_sees_sandbox_keys_alone(identity: Identity, ada: SignedIn) -> None:
    live = await principal_of(identity, ada)
    key, _ = await identity.api_keys.create(live, "live", sandbox=False)
    sandbox = await sandbox_of(identity, ada)

    made, value = await identity.api_keys.create(sandbox, "asked for live", sandbox=False)

    assert (await identity.authenticator.authenticate(value)).mode == "sandbox"
    assert {each.mode for each in await identity.api_keys.all(sandbox)} == {"sandbox"}
    with pytest.raises(NotFound):
        await identity.api_keys.revoke(sandbox, key.id)
    assert {each.label for each in await identity.api_keys.all(live)} == {"live", "sandbox", "asked for live"}
    await identity.api_keys.revoke(live, made.id)
    with pytest.raises(Unauthorized, match="revoked"):
        await identity.authenticator.authenticate(value)


async def test_a_sandbox_key_is_never_an_operators(identity: Identity, ada: SignedIn) -> None:
    await identity.operators.add("ada@example.com")

    assert not (await sandbox_of(identity, ada)).is_operator


async def test_keys_of_a_disabled_user_do_not_hold(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    live = await principal_of(identity, ada)
    values = [(await identity.api_keys.create(live, "k", sandbox=sandbox))[1] for sandbox in (True, False)]
    async with database.transaction() as tx:
        await tx.execute("UPDATE users SET disabled_at = ? WHERE id = ?", clock.now(), ada.user.id)

    for value in values:
        with pytest.raises(Unauthorized, match="disabled"):
            await identity.authenticator.authenticate(value)


async def test_a_user_has_a_hundred_keys_at_most(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    principal = await principal_of(identity, ada)
    for _ in range(MAX_KEYS):
        await identity.api_keys.create(principal, "k", sandbox=False)

    with pytest.raises(Conflict, match="100"):
        await identity.api_keys.create(principal, "one more", sandbox=False)
    keys = await identity.api_keys.all(principal)
    assert len(keys) == MAX_KEYS
    await identity.api_keys.revoke(principal, keys[0].id)
    await identity.api_keys.create(principal, "in its place", sandbox=False)


async def test_a_user_who_is_gone_makes_no_keys(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    live, sandbox = await principal_of(identity, ada), await sandbox_of(identity, ada)
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM users")

    for principal in (live, sandbox):
        with pytest.raises(Unauthorized, match="gone"):
            await identity.api_keys.create(principal, "k", sandbox=True)
