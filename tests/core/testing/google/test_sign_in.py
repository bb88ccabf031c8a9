"""The sign-in gives and refuses what Google's does."""

from __future__ import annotations

import aiohttp
import pytest

from core.testing.google.conftest import CALENDAR, EMAIL, Asker
from rallypoint.testing.google import CLIENT, GoogleFake, consent
from rallypoint.testing.google.grants import challenge_of

REFRESH = {"grant_type": "refresh_token", "client_id": CLIENT.id, "client_secret": CLIENT.secret}


async def test_a_consent_becomes_tokens_once(ask: Asker) -> None:
    back = await consent(ask.auth_url())
    assert back.query["state"] == "abc"
    status, tokens = await ask.exchange(back.query["code"])
    assert status == 200
    assert tokens["token_type"] == "Bearer"
    assert set(tokens["scope"].split()) == {"openid", EMAIL, CALENDAR}
    assert await ask.exchange(back.query["code"]) == (
        400,
        {"error": "invalid_grant", "error_description": "Malformed auth code."},
    )


async def test_a_user_may_refuse_or_untick(ask: Asker) -> None:
    assert (await consent(ask.auth_url(), deny=True)).query == {"state": "abc", "error": "access_denied"}
    back = await consent(ask.auth_url(), without=(CALENDAR,))
    _, tokens = await ask.exchange(back.query["code"])
    assert CALENDAR not in tokens["scope"]


async def test_the_proof_of_the_code_is_demanded(ask: Asker) -> None:
    asked = ask.auth_url(code_challenge=challenge_of("v" * 43), code_challenge_method="S256")
    status, refusal = await ask.exchange((await consent(asked)).query["code"], code_verifier="w" * 43)
    assert (status, refusal["error"]) == (400, "invalid_grant")
    status, _ = await ask.exchange((await consent(asked)).query["code"], code_verifier="v" * 43)
    assert status == 200


async def test_applications_are_known(ask: Asker) -> None:
    with pytest.raises(LookupError, match="invalid_client"):
        await consent(ask.auth_url(client_id="other"))
    with pytest.raises(LookupError, match="response_type"):
        await consent(ask.auth_url(response_type="token"))
    with pytest.raises(LookupError, match="S256"):
        await consent(ask.auth_url(code_challenge="x", code_challenge_method="plain"))
    code = (await consent(ask.auth_url())).query["code"]
    assert (await ask.exchange(code, client_secret="wrong"))[0] == 401
    status, refusal = await ask.exchange(code, redirect_uri="http://elsewhere/")
    assert (status, refusal["error"]) == (400, "redirect_uri_mismatch")


async def test_a_refresh_brings_no_new_refresh_token(ask: Asker) -> None:
    tokens = await ask.sign_in()
    status, fresh = await ask.form("/token", refresh_token=tokens["refresh_token"], **REFRESH)
    assert status == 200
    assert "refresh_token" not in fresh
    assert fresh["access_token"] != tokens["access_token"]


async def test_a_second_consent_needs_the_prompt_for_a_refresh_token(ask: Asker) -> None:
    await ask.sign_in()
    _, again = await ask.exchange((await consent(ask.auth_url(prompt="select_account"))).query["code"])
    assert "refresh_token" not in again
    assert "refresh_token" in await ask.sign_in()


async def test_granted_scopes_can_be_included(ask: Asker) -> None:
    await ask.sign_in()
    more = ask.auth_url(f"openid {EMAIL}", include_granted_scopes="true")
    _, tokens = await ask.exchange((await consent(more)).query["code"])
    assert CALENDAR in tokens["scope"].split()


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_revoked_grant_opens_nothing(ask: Asker, which: str) -> None:
    tokens = await ask.sign_in()
    assert (await ask.form("/revoke", token=tokens[which]))[0] == 200
    assert (await ask("GET", "/calendar/v3/calendars/primary/events"))[0] == 401
    status, refusal = await ask.form("/token", refresh_token=tokens["refresh_token"], **REFRESH)
    assert (status, refusal["error"]) == (400, "invalid_grant")
    assert (await ask.form("/revoke", token=tokens[which]))[0] == 400


async def test_who_somebody_is(ask: Asker, google: GoogleFake) -> None:
    await ask.sign_in()
    status, about = await ask("GET", "/oauth2/v2/userinfo")
    assert status == 200
    assert (about["email"], about["name"]) == ("mia@example.com", "Mia Moser")
    await ask.sign_in(CALENDAR)
    assert (await ask("GET", "/oauth2/v2/userinfo"))[0] == 403
    google.grants.expire_access()
    assert (await ask("GET", "/oauth2/v2/userinfo"))[0] == 401


async def test_scopes_open_what_they_are_for(ask: Asker) -> None:
    await ask.sign_in(f"openid {EMAIL}")
    status, refusal = await ask("GET", "/calendar/v3/calendars/primary/events")
    assert (status, refusal["error"]["errors"][0]["reason"]) == (403, "insufficientPermissions")


async def test_tokens_are_asked_for_with_forms(google: GoogleFake) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{google.url}/token", json={}) as reply:
        assert reply.status == 400
        assert (await reply.json())["error"] == "invalid_request"
