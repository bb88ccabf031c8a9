"""Consent, from the first click to the end of the grant, against a strict authorisation server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from tests.core.connections.conftest import ACCOUNT, ALICE, Pushed
from tests.core.connections.oauth import age, connect, oauth_service, process

from rallypoint.connections.api import Connection, Identity, OAuthFailed, Owner
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.connections.states import LIFETIME
from rallypoint.errors import BadRequest, Conflict, NeedsReauth, NotFound, PermanentFailure, ValidationFailed
from rallypoint.storage.database import Database
from rallypoint.testing.oauth import OAuthFake, consent, handed_back

BOB = Owner(ACCOUNT, "0190a000-0000-7000-8000-0000000000bb", "live")
SANDBOX = Owner("0190a000-0000-7000-8000-00000000000c", "0190a000-0000-7000-8000-00000000000b", "sandbox")
CALENDAR = "https://cal.example/auth/calendar"


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


@pytest_asyncio.fixture
async def cal(database: Database, http: ProviderHttp, fake: OAuthFake, pushed: Pushed) -> Connections:
    connections = process(database, http, pushed)
    connections.declare("cal", oauth_service(fake))
    return connections


async def found(connections: Connections, owner: Owner = ALICE) -> Connection:
    connection = await connections.find(owner.account_id, owner.user_id, owner.mode, "cal")
    assert connection is not None
    return connection


async def told(database: Database) -> list[str]:
    rows = await database.fetch("SELECT type FROM events WHERE subject LIKE 'connection:%' ORDER BY seq")
    return [row["type"] for row in rows]


async def test_the_whole_way(cal: Connections, database: Database, fake: OAuthFake, pushed: Pushed) -> None:
    url = await cal.begin(ALICE, "cal", return_to="/settings/integrations")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["redirect_uri"] == "https://rally.example/api/v1/oauth/callback"
    assert (asked["code_challenge_method"], asked["access_type"]) == ("S256", "offline")
    assert asked["scope"] == f"openid {CALENDAR}"
    back = handed_back(await consent(url))
    done = await cal.complete(back["state"], code=back["code"], services={"cal"})
    assert (done.created, done.return_to) == (True, "/settings/integrations")
    assert (done.connection.label, done.connection.email) == ("alice@example.com",) * 2
    assert done.connection.scopes == ("openid", CALENDAR)
    assert done.connection.external_id == "id-of-alice@example.com"
    assert (await done.connection.client.get_json("/me"))["email"] == "alice@example.com"

    stored = json.dumps([dict(row) for row in await database.fetch("SELECT * FROM connections")])
    assert "at-" not in stored
    assert "rt-" not in stored

    await age(database, cal)
    assert (await (await found(cal)).client.get_json("/me"))["email"] == "alice@example.com"
    assert len(fake.token_requests("refresh_token")) == 1

    fake.books.end("alice@example.com")
    for _ in range(2):
        with pytest.raises(NeedsReauth):
            await (await found(cal)).client.get_json("/me")
    assert (await found(cal)).state == "needs_reauth"
    assert await told(database) == ["connection.needs_reauth"]

    assert not (await connect(cal)).created
    assert (await found(cal)).state == "connected"
    assert await told(database) == ["connection.needs_reauth", "connection.recovered"]
    assert [message.topic for message in pushed.messages] == [f"user:{ALICE.user_id}"] * 2

    await cal.disconnect(ALICE, "cal")
    assert await cal.list(ALICE) == []
    assert all(grant.ended for grant in fake.books.grants)
    assert await database.fetch("SELECT * FROM oauth_revocations") == []


async def test_connecting_twice_is_a_conflict(cal: Connections) -> None:
    await connect(cal)
    with pytest.raises(Conflict, match="already connected"):
        await cal.begin(ALICE, "cal")
    with pytest.raises(Conflict):
        await cal.begin(ALICE, "cal", scopes=[CALENDAR])


async def test_further_scopes_are_asked_for_with_those_granted(cal: Connections) -> None:
    await connect(cal)
    url = await cal.begin(ALICE, "cal", scopes=["https://cal.example/auth/mail"])
    assert parse_qs(urlsplit(url).query)["scope"] == [f"openid {CALENDAR} https://cal.example/auth/mail"]
    back = handed_back(await consent(url))
    done = await cal.complete(back["state"], code=back["code"])
    assert done.connection.scopes[-1] == "https://cal.example/auth/mail"
    with pytest.raises(Conflict):
        await cal.begin(ALICE, "cal", scopes=["https://cal.example/auth/mail"])


async def test_a_state_serves_once(cal: Connections, fake: OAuthFake) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal", return_to="/x")))
    await cal.complete(back["state"], code=back["code"])
    with pytest.raises(OAuthFailed, match="used already") as error:
        await cal.complete(back["state"], code=back["code"])
    assert (error.value.reason, error.value.return_to) == ("state", "/x")
    assert len(fake.token_requests("authorization_code")) == 1
    assert (await found(cal)).state == "connected"


async def test_a_forged_state_reaches_nobody(cal: Connections, fake: OAuthFake) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    nonce, _, signature = back["state"].partition(".")
    other = handed_back(await consent(await cal.begin(BOB, "cal")))["state"]
    forged = [
        "",
        "x",
        nonce,
        f"{nonce}.{'A' * 43}",
        f"{'A' * 43}.{signature}",
        f"{nonce}.{other.partition('.')[2]}",
        back["state"] + "=",
        back["state"].swapcase(),
        "\x00" * 87,
    ]
    for state in forged:
        with pytest.raises(OAuthFailed, match="not begun here") as error:
            await cal.complete(state, code=back["code"])
        assert error.value.reason == "state"
    assert fake.received("POST", "/token") == []
    await cal.complete(back["state"], code=back["code"])


async def test_a_state_is_over_after_ten_minutes(cal: Connections, database: Database) -> None:
    assert LIFETIME == 600_000
    back = handed_back(await consent(await cal.begin(ALICE, "cal", return_to="/x")))
    async with database.transaction() as tx:
        await tx.execute("UPDATE oauth_states SET expires_at = expires_at - ?", LIFETIME)
    with pytest.raises(OAuthFailed, match="ten minutes") as error:
        await cal.complete(back["state"], code=back["code"])
    assert error.value.return_to == "/x"
    async with database.transaction() as tx:
        await tx.execute("UPDATE oauth_states SET expires_at = expires_at - 3600000")
    await cal.prune()
    with pytest.raises(OAuthFailed, match="is over"):
        await cal.complete(back["state"], code=back["code"])


async def test_a_state_is_of_its_user(cal: Connections) -> None:
    """Whoever's browser it comes back in, the connection is the one's who began."""
    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    assert (await cal.complete(back["state"], code=back["code"])).connection.user_id == ALICE.user_id


async def test_a_state_of_another_callback_is_left_to_that_one(cal: Connections, fake: OAuthFake) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    with pytest.raises(OAuthFailed, match="another service"):
        await cal.complete(back["state"], code=back["code"], services={"mail"})
    with pytest.raises(OAuthFailed, match="another service"):
        await cal.complete(back["state"], code=back["code"], path="/integrations/mail/callback")
    done = await cal.complete(
        back["state"], code=back["code"], services={"cal"}, path="/api/v1/oauth/callback"
    )
    assert done.created


async def test_two_callbacks_at_once_make_one_exchange(cal: Connections, fake: OAuthFake) -> None:
    import asyncio

    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    results = await asyncio.gather(
        *(cal.complete(back["state"], code=back["code"]) for _ in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(result, OAuthFailed) for result in results) == 1
    assert len(fake.token_requests("authorization_code")) == 1


async def test_a_denied_consent_says_so(cal: Connections) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal", return_to="/x"), email=""))
    assert "code" not in back
    with pytest.raises(OAuthFailed, match="access was not given") as error:
        await cal.complete(back["state"], error=back["error"])
    assert (error.value.reason, error.value.return_to) == ("denied", "/x")
    assert await cal.list(ALICE) == []
    with pytest.raises(OAuthFailed, match="used already"):
        await cal.complete(back["state"], code="code")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("server_error", "unavailable"),
        ("invalid_scope", "exchange"),
        ("<script>", "exchange"),
        ("", "exchange"),
    ],
)
async def test_other_errors_of_the_consent_page(cal: Connections, said: str, reason: str) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    with pytest.raises(OAuthFailed) as error:
        await cal.complete(back["state"], error=said)
    assert error.value.reason == reason
    assert "<" not in str(error.value)


async def test_missing_scopes_are_refused_and_named(cal: Connections) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal", return_to="/x"), scopes="openid"))
    with pytest.raises(OAuthFailed) as error:
        await cal.complete(back["state"], code=back["code"])
    assert (error.value.reason, error.value.missing) == ("scopes", (CALENDAR,))
    assert error.value.details == {"reason": "scopes", "missing_scopes": [CALENDAR]}
    assert await cal.list(ALICE) == []


async def test_what_was_there_survives_a_failed_consent(cal: Connections) -> None:
    await connect(cal)
    url = await cal.begin(ALICE, "cal", scopes=["https://cal.example/auth/mail"])
    back = handed_back(await consent(url, scopes="openid"))
    with pytest.raises(OAuthFailed):
        await cal.complete(back["state"], code=back["code"])
    assert (await (await found(cal)).client.get_json("/me"))["email"] == "alice@example.com"


async def test_a_code_that_is_no_good(cal: Connections) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    with pytest.raises(OAuthFailed, match="does not accept this sign-in") as error:
        await cal.complete(back["state"], code="code-of-somebody")
    assert error.value.reason == "exchange"


async def test_a_code_needs_the_verifier_of_its_own_state(cal: Connections) -> None:
    mine = handed_back(await consent(await cal.begin(ALICE, "cal")))
    theirs = handed_back(await consent(await cal.begin(BOB, "cal"), email="bob@example.com"))
    with pytest.raises(OAuthFailed):
        await cal.complete(mine["state"], code=theirs["code"])


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"cut": True}, {"delay": 6}])
async def test_a_token_endpoint_that_is_away(
    cal: Connections, fake: OAuthFake, fault: dict[str, int]
) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal", return_to="/x")))
    fake.fail(**fault, path="/token")
    with pytest.raises(OAuthFailed, match="cannot be reached") as error:
        await cal.complete(back["state"], code=back["code"])
    assert (error.value.reason, error.value.return_to) == ("unavailable", "/x")


@pytest.mark.parametrize("body", ["{}", "[]", '{"access_token": 5}', '{"access_token": ""}', '"x"'])
async def test_a_token_endpoint_that_makes_no_sense(cal: Connections, fake: OAuthFake, body: str) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    fake.fail(200, body=body, path="/token")
    with pytest.raises(OAuthFailed):
        await cal.complete(back["state"], code=back["code"])


async def test_a_wrong_client_secret_is_the_operators_matter(
    database: Database, http: ProviderHttp, fake: OAuthFake
) -> None:
    connections = process(database, http)
    connections.declare("cal", oauth_service(fake))
    fake.client_secret = "another"
    back = handed_back(await consent(await connections.begin(ALICE, "cal")))
    with pytest.raises(OAuthFailed, match="operator"):
        await connections.complete(back["state"], code=back["code"])


async def test_a_provider_that_does_not_say_who_it_is(cal: Connections, fake: OAuthFake) -> None:
    back = handed_back(await consent(await cal.begin(ALICE, "cal")))
    fake.fail(403, path="/me")
    with pytest.raises(OAuthFailed) as error:
        await cal.complete(back["state"], code=back["code"])
    assert error.value.reason == "identify"
    assert await cal.list(ALICE) == []


async def test_a_service_with_a_key_has_no_consent_and_the_reverse(
    connections: Connections, cal: Connections
) -> None:
    with pytest.raises(BadRequest, match="with a key"):
        await connections.begin(ALICE, "acme")
    with pytest.raises(BadRequest, match="by consent"):
        await cal.connect(ALICE, "cal", "key")
    with pytest.raises(NotFound):
        await cal.begin(ALICE, "nothing")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "https://app.example@evil.example/",
        "https://app.example.evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https:/rally.example",
        "ftp://app.example/",
        "/a\r\nSet-Cookie: x",
        "settings",
        "/" + "a" * 2000,
    ],
)
async def test_nobody_is_sent_elsewhere(cal: Connections, url: str) -> None:
    with pytest.raises(ValidationFailed):
        await cal.begin(ALICE, "cal", return_to=url)


@pytest.mark.parametrize(
    "url", ["/settings?a=b", "https://app.example/x?y=z", "https://rally.example/", "HTTPS://App.example/x"]
)
async def test_our_own_pages_may_be_returned_to(cal: Connections, url: str) -> None:
    await cal.begin(ALICE, "cal", return_to=url)


async def test_the_sandbox_goes_the_same_way_and_calls_nobody(cal: Connections, fake: OAuthFake) -> None:
    url = await cal.begin(SANDBOX, "cal", return_to="/x")
    assert url.startswith("https://rally.example/api/v1/oauth/callback?")
    assert await cal.list(SANDBOX) == []
    back = handed_back(url)
    done = await cal.complete(back["state"], code=back["code"], path="/api/v1/oauth/callback")
    assert (done.connection.label, done.connection.mode, done.return_to) == ("Sandbox", "sandbox", "/x")
    with pytest.raises(PermanentFailure, match="sandbox"):
        await done.connection.client.get_json("/me")
    assert (await done.connection.client.request("POST", "/items", body={})).json is None
    await cal.disconnect(SANDBOX, "cal")
    assert fake.requests == []


async def test_a_connection_is_found_by_its_address(cal: Connections) -> None:
    await connect(cal)
    await connect(cal, BOB, email="bob@example.com")
    one = await cal.by_email(ACCOUNT, "live", "cal", " Bob@Example.COM")
    assert one is not None
    assert one.user_id == BOB.user_id
    for account, mode, service, email in [
        (ACCOUNT, "live", "cal", "carol@example.com"),
        (ACCOUNT, "sandbox", "cal", "bob@example.com"),
        (ACCOUNT, "live", "other", "bob@example.com"),
        ("another", "live", "cal", "bob@example.com"),
        (ACCOUNT, "live", "cal", ""),
    ]:
        assert await cal.by_email(account, mode, service, email) is None  # type: ignore[arg-type]


async def test_of_two_connections_of_one_address_the_one_that_works_counts(cal: Connections) -> None:
    await connect(cal, BOB)
    await connect(cal, ALICE)
    await cal.mark_needs_reauth(await found(cal), "gone")
    one = await cal.by_email(ACCOUNT, "live", "cal", "alice@example.com")
    assert one is not None
    assert one.user_id == BOB.user_id


async def test_identify_must_return_an_identity(
    database: Database, http: ProviderHttp, fake: OAuthFake
) -> None:
    async def wrong(_connection: Connection) -> Identity:
        return "Alice"  # type: ignore[return-value]

    connections = process(database, http)
    connections.declare("cal", oauth_service(fake, identify=wrong))
    back = handed_back(await consent(await connections.begin(ALICE, "cal")))
    with pytest.raises(OAuthFailed, match="does not say whose") as error:
        await connections.complete(back["state"], code=back["code"])
    assert isinstance(error.value.__cause__, TypeError)
