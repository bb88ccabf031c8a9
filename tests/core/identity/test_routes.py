"""Identity over HTTP: the documented bodies, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from tests.core.web.asgi import Got, ask

from rallypoint.identity.routes import identity_routes
from rallypoint.metrics import Metrics
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.database import Database
from rallypoint.web.envelopes import Envelopes
from rallypoint.web.idempotency import Idempotency
from rallypoint.web.limits import Limiter
from rallypoint.web.server import Web

from .conftest import PASSWORD, SECRET, Build

Ask = Callable[..., Awaitable[Got]]

ADA = {"email": "ada@example.com", "password": PASSWORD}


def serve(build: Build, database: Database, **settings: Any) -> Ask:
    """A server of identity alone, all of its parts real."""
    identity = build(**settings)
    told = Settings(_env_file=None, secret_key=SECRET, **settings)
    idempotency = Idempotency(database, Vault(told))
    limiter = Limiter.from_settings(told)
    web = Web(told, identity.authenticator, limiter, idempotency, Envelopes(), Metrics())
    web.mount(identity_routes(identity))

    async def request(method: str, target: str, token: str | None = None, **rest: Any) -> Got:
        headers = {**rest.pop("headers", {}), **({"authorization": f"Bearer {token}"} if token else {})}
        return await ask(web.asgi, method, target, headers=headers, **rest)

    return request


@pytest_asyncio.fixture
async def http(build: Build, database: Database) -> AsyncIterator[Ask]:
    yield serve(build, database)


async def signed_up(http: Ask, **more: str) -> dict[str, Any]:
    reply = await http("POST", "/api/registration", json={"user": {**ADA, **more}})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.json()
    return body


async def test_registration_and_login_reply_the_union_of_both_shapes(http: Ask) -> None:
    made = await signed_up(http, password_confirmation=PASSWORD, company_name="Analytical Engines")
    login = (await http("POST", "/api/session", json={"user": ADA})).json()

    assert made["user"] == login["user"]
    assert isinstance(made["user"]["id"], int)
    assert {key: made["user"][key] for key in ("email", "role", "object")} == {
        "email": "ada@example.com", "role": "admin", "object": "user",
    }  # fmt: skip
    for body in (made, login):
        assert body["data"] == {
            "user_id": body["user"]["id"], "email": "ada@example.com", "account_id": body["user"]["account_id"],
            "token": body["token"], "renew_token": body["renew_token"],
        }  # fmt: skip


async def test_flat_bodies_do_as_well(http: Ask) -> None:
    assert (await http("POST", "/api/registration", json=ADA)).status == 201
    assert (await http("POST", "/api/session", json=ADA)).status == 200


async def test_me_is_flat_and_under_data(http: Ask) -> None:
    made = await signed_up(http)

    me = (await http("GET", "/api/me", made["token"])).json()

    flat = {key: value for key, value in me.items() if key != "data"}
    assert flat == me["data"]
    assert {**made["user"], "mode": "live"} == flat
    bare = await http("GET", "/api/me", headers={"authorization": made["token"]})
    assert bare.json() == me


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"email": "a da@example.com"}, "email"),
        ({"email": "a\u0000@example.com"}, "email"),
        ({"email": f"{'a' * 250}@example.com"}, "email"),
        ({"email": 7}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password_confirmation": "something else"}, "password_confirmation"),
        ({"company_name": "x" * 201}, "company_name"),
    ],
)
async def test_a_bad_registration_says_which_field(http: Ask, change: dict[str, Any], field: str) -> None:
    reply = await http("POST", "/api/registration", json={"user": {**ADA, **change}})

    assert reply.status == 422
    assert list(reply.json()["errors"]) == [field]
    assert reply.json()["error"]["status"] == 422


@pytest.mark.parametrize("body", [{}, {"user": 5}, {"user": []}, {"user": None}])
async def test_a_body_without_its_fields_names_them(http: Ask, body: Any) -> None:
    reply = await http("POST", "/api/session", json=body)

    assert reply.status == 422
    assert set(reply.json()["errors"]) == {"email", "password"}


async def test_an_address_registers_once_whatever_its_case(http: Ask) -> None:
    await signed_up(http)
    again = await http("POST", "/api/registration", json={**ADA, "email": "ADA@example.com"})

    assert again.status == 422
    assert again.json()["errors"] == {"email": ["has already been taken"]}


async def test_a_wrong_password_is_401_and_the_eleventh_try_429(http: Ask) -> None:
    await signed_up(http)
    wrong = {**ADA, "password": "wrong horse"}
    for attempt in range(10):
        reply = await http("POST", "/api/session", json=wrong, client=f"203.0.113.{attempt}")
        assert reply.status == 401
        assert reply.json()["error"]["message"] == "Invalid email or password"

    limited = await http("POST", "/api/session", json=wrong, client="203.0.113.99")

    assert limited.status == 429
    assert int(limited.headers["retry-after"]) > 0


async def test_a_session_is_renewed_by_header_or_body_and_ended(http: Ask) -> None:
    made = await signed_up(http)
    first = await http("POST", "/api/session/renew", made["renew_token"])
    bare = await http("POST", "/api/session/renew", headers={"authorization": first.json()["renew_token"]})
    last = await http("POST", "/api/session/renew", json={"renew_token": bare.json()["renew_token"]})
    token = last.json()["token"]
    assert (await http("GET", "/api/me", token)).status == 200

    ended = await http("DELETE", "/api/session", token)

    assert (ended.status, ended.json()) == (200, {"data": {}})
    assert (await http("GET", "/api/me", token)).status == 401
    assert (await http("GET", "/api/me", made["token"])).status == 401
    assert (await http("POST", "/api/session/renew", last.json()["renew_token"])).status == 401
    assert (await http("POST", "/api/session/renew")).status == 401


async def test_keys_are_shown_once_listed_and_revoked(http: Ask) -> None:
    made = await signed_up(http)
    token = made["token"]
    reply = await http("POST", "/api/personal_api_keys", token, json={"label": "ci"})
    key = reply.json()["data"]
    path = f"/api/personal_api_keys/{key['id']}"

    assert reply.status == 201
    assert reply.headers["location"] == path
    assert key["value"].startswith("rp_live_")
    assert (key["object"], key["label"], key["last_used_at"]) == ("personal_api_key", "ci", None)
    assert (key["account_id"], key["user_id"]) == (made["user"]["account_id"], made["user"]["id"])
    shown = {**key, "value": None}
    assert (await http("GET", "/api/personal_api_keys", token)).json() == {"data": [shown]}
    assert (await http("GET", path, key["value"])).json() == {"data": shown}
    assert (await http("GET", "/api/me", key["value"])).json()["id"] == made["user"]["id"]

    assert (await http("DELETE", path, token)).status == 204

    assert (await http("GET", "/api/me", key["value"])).status == 401
    assert (await http("GET", path, token)).status == 404
    assert (await http("DELETE", path, token)).status == 404
    assert (await http("GET", "/api/personal_api_keys", token)).json() == {"data": []}


async def test_a_repeated_creation_with_an_idempotency_key_makes_one_key(http: Ask) -> None:
    token = (await signed_up(http))["token"]
    replies = [
        await http(
            "POST", "/api/personal_api_keys", token, json={"label": "ci"}, headers={"idempotency-key": "k"}
        )
        for _ in range(2)
    ]

    assert replies[0].json() == replies[1].json()
    assert len((await http("GET", "/api/personal_api_keys", token)).json()["data"]) == 1


@pytest.mark.parametrize("label", ["", "x" * 201, None, 5, "a\u0000b"])
async def test_a_key_needs_a_sensible_label(http: Ask, label: Any) -> None:
    token = (await signed_up(http))["token"]

    reply = await http("POST", "/api/personal_api_keys", token, json={"label": label})

    assert (reply.status, list(reply.json()["errors"])) == (422, ["label"])


async def test_a_sandbox_key_is_a_user_of_its_own(http: Ask) -> None:
    made = await signed_up(http)
    reply = await http("POST", "/api/personal_api_keys", made["token"], json={"label": "t", "sandbox": True})
    key = reply.json()["data"]

    me = (await http("GET", "/api/me", key["value"])).json()

    assert key["value"].startswith("test_sk_")
    assert (me["mode"], me["email"], me["role"]) == ("sandbox", "ada@example.com", "admin")
    assert me["id"] == key["user_id"] != made["user"]["id"]
    assert me["account_id"] == key["account_id"] != made["user"]["account_id"]


async def test_a_closed_server_lets_nobody_register(build: Build, database: Database) -> None:
    http = serve(build, database, registration="closed")

    for body in (ADA, {**ADA, "invite_token": "rp_invite_x"}, {**ADA, "setup_token": "rp_setup_x"}):
        reply = await http("POST", "/api/registration", json={"user": body})
        assert (reply.status, reply.json()["error"]["code"]) == (403, "FORBIDDEN")


async def test_by_invitation_one_joins_the_account_of_the_inviter(build: Build, database: Database) -> None:
    admin = await signed_up(serve(build, database))
    http = serve(build, database, registration="invite")
    invite = (await http("POST", "/api/user_invitations", admin["token"], json={})).json()["data"]
    grace = {"email": "grace@example.com", "password": PASSWORD}

    uninvited = await http("POST", "/api/registration", json=grace)
    joined = await http("POST", "/api/registration", json={**grace, "invite_token": invite["id"]})
    again = await http(
        "POST", "/api/registration", json={**grace, "email": "x@example.com", "invite_token": invite["id"]}
    )

    assert (uninvited.status, joined.status, again.status) == (403, 201, 403)
    assert joined.json()["user"]["account_id"] == admin["user"]["account_id"]
    assert joined.json()["user"]["role"] == "user"
    refused = await http("POST", "/api/user_invitations", joined.json()["token"], json={})
    assert refused.status == 403


async def test_a_user_who_is_gone_is_nobody(build: Build, database: Database) -> None:
    http = serve(build, database)
    token = (await signed_up(http))["token"]
    assert (await http("GET", "/api/me", token)).status == 200
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM users")

    assert (await http("GET", "/api/me", token)).status == 401
