"""From registration to a principal and back out again."""

from __future__ import annotations

import asyncio

import pytest

from rallypoint.errors import BadRequest, RateLimited, Unauthorized
from rallypoint.identity.service import Identity
from rallypoint.identity.sessions import SignedIn
from rallypoint.security.tokens import digest
from rallypoint.storage import clock
from rallypoint.storage.database import Database

from .conftest import PASSWORD


async def test_the_token_of_a_registration_is_its_users(identity: Identity, ada: SignedIn) -> None:
    principal = await identity.authenticator.authenticate(ada.token)

    assert (principal.user_id, principal.user_number) == (ada.user.id, ada.user.number)
    assert (principal.account_id, principal.role, principal.mode) == (ada.user.account_id, "admin", "live")
    assert not principal.is_operator


async def test_signing_in_ignores_the_case_of_the_address(identity: Identity, ada: SignedIn) -> None:
    again = await identity.sessions.login(" aDA@example.COM", PASSWORD)

    assert again.user == ada.user
    assert again.token != ada.token


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.com", "wrong horse"), ("eve@example.com", PASSWORD)]
)
async def test_a_wrong_password_and_an_unknown_address_look_alike(
    identity: Identity, ada: SignedIn, email: str, password: str
) -> None:
    with pytest.raises(Unauthorized, match=r"^Invalid email or password$"):
        await identity.sessions.login(email, password)


async def test_sign_ins_are_limited_for_each_address(
    identity: Identity, ada: SignedIn, bob: SignedIn
) -> None:
    for _ in range(10):
        with pytest.raises(Unauthorized):
            await identity.sessions.login("ada@example.com", "wrong horse")
    with pytest.raises(RateLimited):
        await identity.sessions.login("ADA@example.com", PASSWORD)
    await identity.sessions.login("bob@example.com", PASSWORD)


@pytest.mark.parametrize(("column", "word"), [("disabled_at", "disabled"), ("archived_at", "archived")])
async def test_a_user_who_has_left_is_told_so_and_kept_out(
    identity: Identity, database: Database, ada: SignedIn, column: str, word: str
) -> None:
    async with database.transaction() as tx:
        await tx.execute(f"UPDATE users SET {column} = ? WHERE id = ?", clock.now(), ada.user.id)

    with pytest.raises(Unauthorized, match=word):
        await identity.sessions.login("ada@example.com", PASSWORD)
    with pytest.raises(Unauthorized, match=word):
        await identity.sessions.renew(ada.renew_token)
    with pytest.raises(Unauthorized, match=word):
        await identity.authenticator.authenticate(ada.token)
    with pytest.raises(Unauthorized, match="Invalid email or password"):
        await identity.sessions.login("ada@example.com", "wrong horse")


async def test_a_renew_token_holds_once(identity: Identity, ada: SignedIn) -> None:
    renewed = await identity.sessions.renew(ada.renew_token)

    assert (await identity.authenticator.authenticate(renewed.token)).user_id == ada.user.id
    with pytest.raises(Unauthorized, match="renew token"):
        await identity.sessions.renew(ada.renew_token)
    await identity.authenticator.authenticate(ada.token)  # sockets opened with it live on
    await identity.sessions.renew(renewed.renew_token)


async def test_of_two_uses_of_a_renew_token_at_once_one_wins(identity: Identity, ada: SignedIn) -> None:
    results = await asyncio.gather(
        *(identity.sessions.renew(ada.renew_token) for _ in range(10)), return_exceptions=True
    )

    winners = [result for result in results if isinstance(result, SignedIn)]
    assert len(winners) == 1
    assert all(isinstance(result, Unauthorized) for result in results if result is not winners[0])
    await identity.authenticator.authenticate(winners[0].token)


async def test_a_renew_token_that_comes_back_late_ends_the_sign_in(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    other = await identity.sessions.login("ada@example.com", PASSWORD)
    renewed = await identity.sessions.renew(ada.renew_token)
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE sessions SET renewed_at = ? WHERE renew_hash = ?",
            clock.now() - clock.HOUR,
            digest(ada.renew_token),
        )

    with pytest.raises(Unauthorized):
        await identity.sessions.renew(ada.renew_token)

    with pytest.raises(Unauthorized, match="revoked"):
        await identity.authenticator.authenticate(renewed.token)
    with pytest.raises(Unauthorized):
        await identity.sessions.renew(renewed.renew_token)
    await identity.authenticator.authenticate(other.token)


async def test_an_expired_renew_token_is_refused_and_forgotten(
    identity: Identity, database: Database, ada: SignedIn, bob: SignedIn
) -> None:
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE sessions SET expires_at = ? WHERE user_id = ?", clock.now() - 2 * clock.DAY, ada.user.id
        )

    with pytest.raises(Unauthorized):
        await identity.sessions.renew(ada.renew_token)
    assert await identity.sessions.prune() == 1
    await identity.sessions.renew(bob.renew_token)


async def test_signing_out_ends_all_tokens_of_the_sign_in_at_once(identity: Identity, ada: SignedIn) -> None:
    other = await identity.sessions.login("ada@example.com", PASSWORD)
    renewed = await identity.sessions.renew(ada.renew_token)
    principal = await identity.authenticator.authenticate(renewed.token)
    await identity.authenticator.authenticate(ada.token)

    await identity.sessions.close(principal)

    for ended in (ada.token, renewed.token):
        with pytest.raises(Unauthorized, match="revoked"):
            await identity.authenticator.authenticate(ended)
    with pytest.raises(Unauthorized):
        await identity.sessions.renew(renewed.renew_token)
    await identity.authenticator.authenticate(other.token)


async def test_an_api_key_cannot_sign_out(identity: Identity, ada: SignedIn) -> None:
    principal = await identity.authenticator.authenticate(ada.token)
    _, value = await identity.api_keys.create(principal, "ci", sandbox=False)

    with pytest.raises(BadRequest, match="API key"):
        await identity.sessions.close(await identity.authenticator.authenticate(value))


async def test_a_password_changed_during_a_sign_in_wins(identity: Identity, ada: SignedIn) -> None:
    signing_in = asyncio.create_task(identity.sessions.login("ada@example.com", PASSWORD))
    results = await asyncio.gather(
        signing_in,
        identity.operators.reset_password("ada@example.com", "another horse"),
        return_exceptions=True,
    )

    if isinstance(results[0], SignedIn):  # it was quicker: then the reset has ended it
        with pytest.raises(Unauthorized, match="revoked"):
            await identity.authenticator.authenticate(results[0].token)
    else:
        assert isinstance(results[0], Unauthorized)
