"""``POST /api/create-teams-meeting`` as booking.md shows it, and meetings that go with their appointments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from plugins.microsoft.tests.conftest import NOON, User, World, ms

from rallypoint.testing.microsoft.view import span
from rallypoint.testing.waiting import eventually

PATH = "/api/create-teams-meeting"
WANTED = {
    "hostEmail": "Mia@example.com",
    "guestEmail": "zoe@example.org",
    "subject": "First consultation",
    "description": "Bring <tea> & biscuits",
    "startDateTime": NOON.isoformat().replace("+00:00", "Z"),
    "durationMinutes": 45,
}


def only(world: World) -> Any:
    (event,) = world.microsoft.calendar().events.values()
    return event


async def test_the_documented_reply(world: World, connected: User) -> None:
    status, reply = await connected("POST", PATH, WANTED)
    event = only(world)
    assert (status, reply) == (
        200,
        {
            "id": event["id"],
            "joinUrl": event["onlineMeeting"]["joinUrl"],
            "subject": "First consultation",
        },
    )
    assert span(event) == (NOON, NOON + timedelta(minutes=45))
    assert event["attendees"] == [{"emailAddress": {"address": "zoe@example.org"}, "type": "required"}]
    assert event["body"] == {"contentType": "text", "content": "Bring <tea> & biscuits"}
    assert (event["isOnlineMeeting"], event["onlineMeetingProvider"]) == (True, "teamsForBusiness")


async def test_a_repeated_request_is_one_meeting(world: World, connected: User) -> None:
    first = await connected("POST", PATH, WANTED, Idempotency_Key="one")
    assert first == await connected("POST", PATH, WANTED, Idempotency_Key="one")
    assert first[1]["id"] == only(world)["id"]
    assert (await connected("POST", PATH, {**WANTED, "subject": "Other"}, Idempotency_Key="one"))[0] == 409


@pytest.mark.parametrize("name", ["hostEmail", "subject", "startDateTime", "durationMinutes"])
async def test_missing_fields(connected: User, name: str) -> None:
    for wrong in ({}, {name: None}):
        body = {key: value for key, value in WANTED.items() if key != name} | wrong
        status, reply = await connected("POST", PATH, body)
        assert (status, reply["error"]) == (400, "Missing required fields")
        assert name in reply["details"]


async def test_what_may_be_left_out(world: World, connected: User) -> None:
    body = {key: value for key, value in WANTED.items() if key not in ("guestEmail", "description")}
    assert (await connected("POST", PATH, body))[0] == 200
    assert only(world)["attendees"] == []


async def test_a_host_who_is_not_connected(world: World, connected: User) -> None:
    for email in ("noa@example.com", "mia@example.org"):
        status, reply = await connected("POST", PATH, {**WANTED, "hostEmail": email})
        assert (status, reply["error"]) == (403, "Host account not connected to Microsoft")
    stranger = await world.register("noa@example.com")
    status, _reply = await stranger("POST", PATH, WANTED)
    assert status == 403, "another account's calendar is nobody's here"
    assert not world.microsoft.calendar().events


async def test_teams_that_is_slow_to_make_the_meeting(world: World, connected: User) -> None:
    world.microsoft.calendar().teams_after = 2
    status, reply = await connected("POST", PATH, WANTED)
    assert (status, reply["joinUrl"]) == (200, only(world)["onlineMeeting"]["joinUrl"])


async def test_an_account_without_teams(world: World, connected: User) -> None:
    world.microsoft.calendar().has_teams = False
    status, reply = await connected("POST", PATH, WANTED)
    assert (status, reply["error"]) == (500, "Failed to create Teams meeting")


async def test_microsoft_away(world: World, connected: User) -> None:
    world.microsoft.fail(503, path="/v1.0/me/events", times=3)
    status, reply = await connected("POST", PATH, WANTED)
    assert (status, reply["error"]) == (503, "Failed to create Teams meeting")


async def test_the_meeting_moves_and_goes_with_its_appointment(world: World, connected: User) -> None:
    await connected.two_way()
    booked = await connected.book("Zoë", meeting="teams")
    path = f"/api/appointments/{booked['id']}"

    def meetings() -> list[Any]:
        return [one for one in world.microsoft.calendar().events.values() if one["isOnlineMeeting"]]

    async def made() -> list[Any]:
        return meetings()

    (event,) = await eventually(made)
    later = NOON + timedelta(hours=4)
    await connected.ok("PATCH", path, {"scheduledAt": later.isoformat()})

    async def starts() -> Any:
        return span(meetings()[0])[0]

    await eventually(starts, lambda at: at == later)
    assert meetings()[0]["onlineMeeting"] == event["onlineMeeting"], "the link stays"
    await world.quiet()
    assert len(await connected.appointments()) == 1, "a meeting of ours is no appointment of its own"
    await connected.ok("POST", f"{path}/cancel", {})
    await eventually(made, lambda found: not found)


async def test_a_lost_reply_makes_no_second_meeting(world: World, connected: User) -> None:
    world.microsoft.fail(cut=True, path="/v1.0/me/events")
    await connected.book("Zoë", meeting="teams")

    async def ready() -> Any:
        return await world.rows("SELECT meeting_url FROM appointment_meetings WHERE status = 'ready'")

    await eventually(ready)
    await world.quiet()
    events = world.microsoft.calendar().events.values()
    assert sum(one["isOnlineMeeting"] for one in events) == 1
    assert ms(NOON) == round(span(next(iter(events)))[0].timestamp() * 1000)
