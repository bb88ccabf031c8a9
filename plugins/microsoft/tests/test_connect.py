"""Connecting and disconnecting: as integrations.md has it of Google, and everything that can go wrong on the way."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.microsoft.tests.conftest import User, World
from yarl import URL

from rallypoint.testing.oauth import consent
from rallypoint.testing.waiting import eventually
from rallypoint_microsoft.services import SCOPES

CONNECT, CALLBACK = "/integrations/microsoft/connect", "/integrations/microsoft/callback"
DISCONNECT, SETTINGS = "/integrations/microsoft/disconnect", "/integrations/microsoft/settings"
FAILED = "error=microsoft_auth_failed"
NOT_CONNECTED = "Outlook Calendar not connected"


async def status(user: User) -> Any:
    return (await user.ok("GET", "/integrations/status"))["data"]["outlookCalendar"]


async def back_from(user: User, email: str = "mia@example.com", **how: Any) -> URL:
    return URL(await consent(await user.begin(), email, **how), encoded=True)


async def test_the_documented_way(world: World, mia: User) -> None:
    assert await status(mia) == {"connected": False}
    url = URL(await mia.begin())
    assert url.query["redirect_uri"] == f"{world.url}{CALLBACK}"
    assert url.query["code_challenge_method"] == "S256"
    assert "offline_access" in url.query["scope"].split()
    landed = await mia.come_back(URL(await consent(str(url), "mia@example.com"), encoded=True))
    assert str(landed) == f"{world.url}/settings/integrations?success=true"

    await mia.synced()
    shown = await status(mia)
    assert {"connected": True, "email": "mia@example.com", "syncMode": "one-way"}.items() <= shown.items()
    assert len(shown["lastSyncAt"]) == len("2025-12-22T10:30:00.000Z")

    code, refused = await mia("POST", CONNECT)
    assert (code, refused["success"]) == (409, False)
    assert await mia("DELETE", DISCONNECT) == (
        200,
        {"success": True, "message": "Outlook Calendar disconnected successfully"},
    )
    assert await status(mia) == {"connected": False}
    code, refused = await mia("DELETE", DISCONNECT)
    assert (code, refused["success"], refused["error"]["message"]) == (404, False, NOT_CONNECTED)


async def test_settings_word_for_word(mia: User) -> None:
    code, refused = await mia("PUT", SETTINGS, {"syncMode": "two-way"})
    assert (code, refused["error"]["message"]) == (404, NOT_CONNECTED)
    await mia.connect()
    for wrong in ({"syncMode": "three-way"}, {"syncMode": 2}, {}, {"syncMode": ["one-way"]}):
        code, refused = await mia("PUT", SETTINGS, wrong)
        assert (code, refused["success"]) == (400, False)
        assert refused["error"]["message"] == "Invalid sync mode. Must be 'one-way' or 'two-way'"
    assert await mia("PUT", SETTINGS, {"syncMode": "two-way"}) == (
        200,
        {"success": True, "data": {"syncMode": "two-way"}},
    )
    assert (await status(mia))["syncMode"] == "two-way"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CONNECT), ("DELETE", DISCONNECT), ("PUT", SETTINGS), ("POST", "/api/create-teams-meeting")],
)
async def test_strangers_are_sent_away(world: World, method: str, path: str) -> None:
    assert (await User(world, "nonsense", "nobody")(method, path, {}))[0] == 401


async def test_a_user_who_refuses_is_not_connected(mia: User) -> None:
    assert (await mia.come_back(await back_from(mia, ""))).query_string == FAILED
    assert await status(mia) == {"connected": False}


async def test_a_user_who_grants_too_little_is_not_connected(mia: User) -> None:
    back = await back_from(mia, scopes="offline_access User.Read")
    assert (await mia.come_back(back)).query_string == FAILED
    assert await status(mia) == {"connected": False}
    await mia.connect()


async def test_states_and_codes_are_good_once(mia: User) -> None:
    back = await back_from(mia)
    assert (await mia.come_back(back)).query_string == "success=true"
    assert (await mia.come_back(back)).query_string == FAILED
    assert (await status(mia))["connected"] is True, "the second time harms nobody"


async def test_a_code_that_was_used_elsewhere_is_refused(world: World, mia: User) -> None:
    noa = await world.register("noa@example.com")
    first, second = await back_from(mia), await back_from(noa)
    assert (await mia.come_back(first)).query_string == "success=true"
    assert (await noa.come_back(second.update_query(code=first.query["code"]))).query_string == FAILED
    assert await status(noa) == {"connected": False}


@pytest.mark.parametrize("state", ["", "x", "a.b.c", "%00", "x" * 1999])
async def test_forged_states_are_refused(mia: User, state: str) -> None:
    url = URL(f"{mia.world.url}{CALLBACK}").with_query(code="M.C5_abc", state=state)
    assert (await mia.come_back(url)).query_string == FAILED


async def test_long_codes_of_work_accounts_arrive(mia: User) -> None:
    url = URL(f"{mia.world.url}{CALLBACK}").with_query(code="0." + "x" * 3000, state="x", session_state="y")
    assert (await mia.come_back(url)).query_string == FAILED


async def test_microsoft_away_at_the_last_step(world: World, mia: User) -> None:
    back = await back_from(mia)
    world.microsoft.fail(503, path="/common/oauth2/v2.0/token", times=9)
    assert (await mia.come_back(back)).query_string == FAILED
    world.microsoft.faults.clear()
    await mia.connect()


async def test_disconnecting_ends_the_subscription(world: World, connected: User) -> None:
    await world.quiet()
    assert len(world.microsoft.subscriptions.open) == 1
    await connected.ok("DELETE", DISCONNECT)
    assert not world.microsoft.subscriptions.open
    assert not await world.rows("SELECT id FROM booking_calendar_channels")


async def test_microsoft_away_does_not_hold_up_who_leaves(world: World, connected: User) -> None:
    world.microsoft.fail(503, path="/", times=99)
    await connected.ok("DELETE", DISCONNECT)
    assert await status(connected) == {"connected": False}
    world.microsoft.faults.clear()


async def test_refresh_tokens_are_replaced_at_each_use(world: World, connected: User) -> None:
    await world.quiet()
    for number in range(3):
        world.microsoft.books.forget_access()
        await connected.sync()
        assert len(world.microsoft.refresh_tokens) == number + 2
    sent = [one.body.decode() for one in world.microsoft.token_requests_of("refresh_token")]
    assert len(sent) == len(set(sent)) == 3, "each time the newest one"


async def test_the_sandbox_meets_no_microsoft(world: World, mia: User) -> None:
    key = await mia.ok("POST", "/api/personal_api_keys", {"label": "x", "sandbox": True})
    sandbox = User(world, key["data"]["value"], "sandbox")
    landed = await sandbox.come_back(URL(await sandbox.begin(), encoded=True))
    assert landed.query_string == "success=true"
    assert (await status(sandbox))["connected"] is True
    await sandbox.book()
    assert (await status(mia)) == {"connected": False}
    assert not world.microsoft.requests


async def test_who_connects_again_is_asked_for_the_same_once(world: World, connected: User) -> None:
    world.microsoft.books.end("mia@example.com")
    await connected.book()

    async def state() -> str:
        return (await connected.connection()).state

    await eventually(state, lambda one: one == "needs_reauth")
    asked = URL(await connected.begin()).query["scope"]
    assert asked.split() == list(SCOPES), "Microsoft writes them back in full, which is no other scope"
