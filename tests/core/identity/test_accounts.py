"""Registration under concurrency, invites, operators and the first start."""

from __future__ import annotations

import asyncio

import pytest

from rallypoint.errors import Forbidden, Unauthorized, ValidationFailed
from rallypoint.identity.accounts import Applicant
from rallypoint.identity.channel import UserChannel
from rallypoint.identity.operators import UnfitPasswordError, UnknownUserError
from rallypoint.identity.service import Identity, unlimited
from rallypoint.identity.sessions import SignedIn
from rallypoint.realtime.channel import Join, Refused
from rallypoint.security.passwords import Passwords
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database

from .conftest import PASSWORD, SECRET, Build


async def test_of_many_registrations_of_one_address_one_wins(identity: Identity, database: Database) -> None:
    results = await asyncio.gather(
        *(identity.accounts.register(Applicant("ada@example.com", PASSWORD)) for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, SignedIn) for result in results) == 1
    assert sum(isinstance(result, ValidationFailed) for result in results) == 7
    rows = await database.fetch(
        "SELECT (SELECT count(*) FROM users) AS u, (SELECT count(*) FROM accounts) AS a"
    )
    assert dict(rows[0]) == {"u": 1, "a": 1}, "a lost race leaves no account behind"


async def test_users_are_numbered_and_accounts_named(
    identity: Identity, database: Database, ada: SignedIn
) -> None:
    other = await identity.accounts.register(Applicant(" grace@example.com ", PASSWORD, full_name="Grace"))

    assert other.user.number > ada.user.number
    assert other.user.account_id != ada.user.account_id
    assert (other.user.email, other.user.full_name) == ("grace@example.com", "Grace")
    names = {row["name"] for row in await database.fetch("SELECT name FROM accounts")}
    assert names == {"Analytical Engines", "grace"}


async def test_an_expired_invite_is_refused(build: Build, database: Database, ada: SignedIn) -> None:
    identity = build(registration="invite")
    principal = await identity.authenticator.authenticate(ada.token)
    invite = await identity.invites.create(principal, "admin")
    async with database.transaction() as tx:
        await tx.execute("UPDATE invites SET expires_at = ?", clock.now())

    with pytest.raises(Forbidden, match="expired"):
        await identity.accounts.register(Applicant("x@example.com", PASSWORD, invite_token=invite.token))


async def test_nobody_is_invited_to_a_sandbox(identity: Identity, ada: SignedIn) -> None:
    live = await identity.authenticator.authenticate(ada.token)
    _, value = await identity.api_keys.create(live, "s", sandbox=True)

    with pytest.raises(Forbidden):
        await identity.invites.create(await identity.authenticator.authenticate(value), "user")


async def test_an_invite_is_not_used_up_by_a_registration_that_fails(
    identity: Identity, ada: SignedIn
) -> None:
    invite = await identity.invites.create(await identity.authenticator.authenticate(ada.token), "user")
    applicants = [Applicant(f"{n}@example.com", PASSWORD, invite_token=invite.token) for n in range(4)]

    with pytest.raises(ValidationFailed):
        await identity.accounts.register(Applicant("ada@example.com", PASSWORD, invite_token=invite.token))
    results = await asyncio.gather(
        *(identity.accounts.register(applicant) for applicant in applicants), return_exceptions=True
    )

    assert sum(isinstance(result, SignedIn) for result in results) == 1


@pytest.mark.parametrize("registration", ["open", "invite", "closed"])
async def test_the_setup_token_makes_one_operator(build: Build, registration: str) -> None:
    identity = build(registration=registration)
    token = await identity.operators.first_setup_token()
    assert token is not None
    assert await identity.operators.first_setup_token() is None, "only the first start prints one"

    with pytest.raises(Forbidden):
        await identity.accounts.register(Applicant("eve@example.com", PASSWORD, setup_token=f"{token}x"))
    first = await identity.accounts.register(Applicant("ada@example.com", PASSWORD, setup_token=token))
    with pytest.raises(Forbidden):
        await identity.accounts.register(Applicant("eve@example.com", PASSWORD, setup_token=token))

    assert (await identity.authenticator.authenticate(first.token)).is_operator


async def test_an_operator_is_added_by_address(identity: Identity, build: Build, ada: SignedIn) -> None:
    await identity.operators.add("ADA@example.com")

    assert (await identity.authenticator.authenticate(ada.token)).is_operator
    with pytest.raises(UnknownUserError, match=r"eve@example\.com"):
        await identity.operators.add("eve@example.com")


async def test_a_password_reset_ends_sessions_and_keeps_keys(identity: Identity, ada: SignedIn) -> None:
    principal = await identity.authenticator.authenticate(ada.token)
    _, key = await identity.api_keys.create(principal, "ci", sandbox=False)

    password = await identity.operators.reset_password("ada@example.com")

    with pytest.raises(Unauthorized, match="revoked"):
        await identity.authenticator.authenticate(ada.token)
    with pytest.raises(Unauthorized):
        await identity.sessions.renew(ada.renew_token)
    with pytest.raises(Unauthorized):
        await identity.sessions.login("ada@example.com", PASSWORD)
    await identity.sessions.login("ada@example.com", password)
    await identity.authenticator.authenticate(key)


async def test_a_password_reset_refuses_what_registration_would(identity: Identity, ada: SignedIn) -> None:
    for unfit in ("short", "x" * 129):
        with pytest.raises(UnfitPasswordError):
            await identity.operators.reset_password("ada@example.com", unfit)
    with pytest.raises(UnknownUserError):
        await identity.operators.reset_password("eve@example.com", PASSWORD)
    await identity.sessions.login("ada@example.com", PASSWORD)


async def test_the_command_line_needs_no_limits(database: Database, ada: SignedIn) -> None:
    settings = Settings(_env_file=None, secret_key=SECRET)
    identity = Identity(settings, database, limit=unlimited, passwords=Passwords(cost=4))
    for _ in range(12):
        await identity.sessions.login("ada@example.com", PASSWORD)


async def test_a_users_topic_is_theirs_alone(identity: Identity, ada: SignedIn, bob: SignedIn) -> None:
    channel = UserChannel()
    hers = await identity.authenticator.authenticate(ada.token)
    topic, variables = f"user:{ada.user.id}", {"user_id": ada.user.id}

    assert (await channel.join(Join(hers, topic, variables, {}))).response == {}
    with pytest.raises(Refused, match="unauthorized"):
        await channel.join(Join(await identity.authenticator.authenticate(bob.token), topic, variables, {}))
