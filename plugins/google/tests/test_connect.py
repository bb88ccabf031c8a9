"""Connecting and disconnecting: integrations.md word for word, and everything that can go wrong on the way."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.google.tests.conftest import User, World
from yarl import URL

from rallypoint.testing.google import consent

EVENTS = "https://www.googleapis.com/auth/calendar.events"
FAILED = "error=google_auth_failed"


async def status(user: User) -> Any:
    return (await user.ok("GET", "/integrations/status"))["data"]["googleCalendar"]


async def test_the_documented_way(world: World, mia: User) -> None:
    assert await status(mia) == {"connected": False}
    url = URL(await mia.begin())
    assert url.query["redirect_uri"] == f"{world.url}/integrations/google/callback"
    assert (url.query["access_type"], url.query["code_challenge_method"]) == ("offline", "S256")
    landed = await mia.come_back(await consent(str(url)))
    assert str(landed) == f"{world.url}/settings/integrations?success=true"

    await mia.synced()
    shown = await status(mia)
    assert {"connected": True, "email": "mia@example.com", "syncMode": "one-way"}.items() <= shown.items()
    assert shown["lastSyncAt"].endswith("Z")
    assert len(shown["lastSyncAt"]) == len("2025-12-22T10:30:00.000Z")

    assert await mia("POST", "/integrations/google/connect") == (409, await any_error(mia))
    assert await mia("DELETE", "/integrations/google/disconnect") == (
        200,
        {"success": True, "message": "Google Calendar disconnected successfully"},
    )
    assert await status(mia) == {"connected": False}
    assert world.google.grants.tokens() == []
    code, refused = await mia("DELETE", "/integrations/google/disconnect")
    assert (code, refused["success"], refused["error"]["message"]) == (
        404,
        False,
        "Google Calendar not connected",
    )


async def any_error(user: User) -> Any:
    return (await user("POST", "/integrations/google/connect"))[1]


async def test_settings_word_for_word(mia: User) -> None:
    path = "/integrations/google/settings"
    code, refused = await mia("PUT", path, {"syncMode": "two-way"})
    assert (code, refused["error"]["message"]) == (404, "Google Calendar not connected")
    await mia.connect()
    for wrong in ({"syncMode": "three-way"}, {"syncMode": 2}, {}, {"syncMode": ["one-way"]}):
        code, refused = await mia("PUT", path, wrong)
        assert (code, refused["success"]) == (400, False)
        assert refused["error"]["message"] == "Invalid sync mode. Must be 'one-way' or 'two-way'"
    assert await mia("PUT", path, {"syncMode": "two-way"}) == (
        200,
        {"success": True, "data": {"syncMode": "two-way"}},
    )
    assert (await status(mia))["syncMode"] == "two-way"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/integrations/google/connect"),
        ("DELETE", "/integrations/google/disconnect"),
        ("PUT", "/integrations/google/settings"),
        ("POST", "/api/create-google-meet"),
        ("GET", "/api/google/auth"),
        ("GET", "/api/google/authorization"),
        ("POST", "/api/gmail/send"),
    ],
)
async def test_strangers_are_sent_away(world: World, method: str, path: str) -> None:
    stranger = User(world, "nonsense", "nobody")
    assert (await stranger(method, path, {}))[0] == 401


async def test_a_user_who_refuses_is_not_connected(mia: User) -> None:
    assert (await mia.come_back(await consent(await mia.begin(), deny=True))).query_string == FAILED
    assert await status(mia) == {"connected": False}


async def test_a_user_who_unticks_what_is_needed_is_not_connected(world: World, mia: User) -> None:
    assert (await mia.come_back(await consent(await mia.begin(), without=(EVENTS,)))).query_string == FAILED
    assert await status(mia) == {"connected": False}
    await mia.connect()


async def test_states_and_codes_are_good_once(mia: User) -> None:
    back = await consent(await mia.begin())
    assert (await mia.come_back(back)).query_string == "success=true"
    assert (await mia.come_back(back)).query_string == FAILED
    assert (await status(mia))["connected"] is True, "the second time harms nobody"


async def test_a_code_that_was_used_elsewhere_is_refused(world: World, mia: User) -> None:
    noa = await world.register("noa@example.com")
    first, second = await consent(await mia.begin()), await consent(await noa.begin())
    assert (await mia.come_back(first)).query_string == "success=true"
    swapped = second.update_query(code=first.query["code"])
    assert (await noa.come_back(swapped)).query_string == FAILED
    assert await status(noa) == {"connected": False}


@pytest.mark.parametrize("state", ["", "x", "a.b.c", "%00", "x" * 1999])
async def test_forged_states_are_refused(mia: User, state: str) -> None:
    url = URL(f"{mia.world.url}/integrations/google/callback").with_query(code="4/abc", state=state)
    assert (await mia.come_back(url)).query_string == FAILED


async def test_a_state_of_the_other_service_is_left_to_its_callback(world: World, mia: User) -> None:
    url = (await mia.ok("GET", "/api/google/auth"))["data"]["url"]
    back = await consent(url)
    wrong = back.with_path("/integrations/google/callback", keep_query=True)
    assert (await mia.come_back(wrong)).query_string == FAILED
    async with world.session.get(back) as reply:
        assert await reply.json() == {"data": {"ok": True}}


async def test_the_alias_of_booking_is_the_same_callback(mia: User) -> None:
    back = (await consent(await mia.begin())).with_path("/api/google-auth-callback", keep_query=True)
    assert (await mia.come_back(back)).query_string == "success=true"
    assert (await status(mia))["connected"] is True


async def test_google_away_at_the_last_step(world: World, mia: User) -> None:
    back = await consent(await mia.begin())
    world.google.fail(503, path="/token", times=9)
    assert (await mia.come_back(back)).query_string == FAILED
    world.google.faults.clear()
    await mia.connect()


async def test_disconnecting_stops_announcements_and_leaves_gmail_alone(world: World, mia: User) -> None:
    await mia.connect()
    await mia.connect_gmail()
    await mia.synced()
    await mia.ok("DELETE", "/integrations/google/disconnect")
    assert not world.google.channels.open
    assert not world.google.received("POST", "/revoke"), "that would end Gmail's grant too"
    await mia.sync("gmail")
    (row,) = await world.rows("SELECT COUNT(*) AS n FROM booking_calendar_channels")
    assert row["n"] == 0
    authorization = (await mia.ok("GET", "/api/google/authorization"))["data"]
    assert (await mia("DELETE", f"/api/google/authorizations/{authorization['id']}"))[0] == 204
    assert len(world.google.received("POST", "/revoke")) == 1
    assert world.google.grants.tokens() == []


async def test_google_away_does_not_hold_up_who_leaves(world: World, connected: User) -> None:
    world.google.fail(503, path="/", times=99)
    await connected.ok("DELETE", "/integrations/google/disconnect")
    assert await status(connected) == {"connected": False}


async def test_the_sandbox_meets_no_google(world: World, mia: User) -> None:
    key = await mia.ok("POST", "/api/personal_api_keys", {"label": "x", "sandbox": True})
    sandbox = User(world, key["data"]["value"], "sandbox")
    landed = await sandbox.come_back(URL(await sandbox.begin(), encoded=True))
    assert landed.query_string == "success=true"
    assert (await status(sandbox))["connected"] is True
    await sandbox.book()
    made = {
        "hostEmail": "Sandbox",
        "guestEmail": "jane@example.org",
        "summary": "Tea",
        "startDateTime": "2027-01-01T10:00:00Z",
        "duration": 30,
    }
    assert (await sandbox("POST", "/api/create-google-meet", made))[0] in (200, 403)
    assert (await status(mia)) == {"connected": False}
    assert not world.google.requests
