"""Meet links: booking.md's endpoint, and meetings of appointments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from plugins.google.tests.conftest import NOON, User, World
from plugins.google.tests.test_sync import EVENTS, in_google, standing

from rallypoint.testing.google import rate_limited
from rallypoint.testing.waiting import eventually

PATH = "/api/create-google-meet"
BODY = {
    "hostEmail": "mia@example.com",
    "guestEmail": "jane@example.org",
    "summary": "Consultation",
    "description": "First",
    "startDateTime": NOON.isoformat(),
    "duration": 45,
}


async def test_the_documented_call(world: World, connected: User) -> None:
    status, made = await connected("POST", PATH, BODY)
    assert status == 200
    (event,) = standing(world)
    assert made == {
        "meetingUrl": event["conferenceData"]["entryPoints"][0]["uri"],
        "meetingId": event["conferenceData"]["conferenceId"],
        "eventId": event["id"],
    }
    assert event["attendees"] == [{"email": "mia@example.com"}, {"email": "jane@example.org"}]
    assert (event["summary"], event["start"]["timeZone"]) == ("Consultation", "UTC")
    await connected.two_way()
    await connected.sync()
    assert await connected.appointments() == [], "the link's event is no appointment"
    assert len(await world.rows("SELECT id FROM booking_busy_blocks")) == 1


async def test_a_repeated_request_is_one_meeting(world: World, connected: User) -> None:
    first = await connected("POST", PATH, BODY, Idempotency_Key="one")
    assert first == await connected("POST", PATH, BODY, Idempotency_Key="one")
    assert len(standing(world)) == 1
    assert (await connected("POST", PATH, {**BODY, "summary": "Other"}, Idempotency_Key="one"))[0] == 409
    assert (await connected("POST", PATH, BODY, Idempotency_Key="two"))[0] == 200
    assert len(standing(world)) == 2


async def test_a_repeated_call_makes_one_meeting(world: World, connected: User) -> None:
    first = await connected("POST", PATH, BODY, Idempotency_Key="a")
    assert await connected("POST", PATH, BODY, Idempotency_Key="a") == first
    async with world.app.house.database.transaction() as tx:  # a server that died before it kept the reply
        await tx.execute("DELETE FROM idempotent_replies")
    assert await connected("POST", PATH, BODY, Idempotency_Key="a") == first
    assert len(standing(world)) == 1
    assert (await connected("POST", PATH, BODY, Idempotency_Key="b"))[1] != first[1]


@pytest.mark.parametrize("left_out", ["hostEmail", "guestEmail", "summary", "startDateTime", "duration"])
async def test_what_is_missing_is_said(connected: User, left_out: str) -> None:
    body = {name: value for name, value in BODY.items() if name != left_out}
    status, refused = await connected("POST", PATH, body)
    assert (status, refused["error"]) == (400, "Missing required fields")
    assert left_out in refused["details"]


@pytest.mark.parametrize(
    "wrong", [{"duration": 0}, {"duration": "45"}, {"startDateTime": "2027-01-01T10:00:00"}, {"summary": 7}]
)
async def test_what_is_wrong_is_said(connected: User, wrong: Any) -> None:
    status, refused = await connected("POST", PATH, {**BODY, **wrong})
    assert (status, list(refused["details"])) == (400, list(wrong))


async def test_hosts_are_connected_and_of_the_account(world: World, mia: User) -> None:
    refusal = {"error": "Host account not connected to Google"}
    assert await mia("POST", PATH, BODY) == (403, refusal)
    noa = await world.register("noa@example.com")
    await noa.connect("noa@example.com")
    assert await mia("POST", PATH, {**BODY, "hostEmail": "noa@example.com"}) == (403, refusal)
    await mia.connect()
    assert (await mia("POST", PATH, {**BODY, "hostEmail": "MIA@example.com"}))[0] == 200
    world.google.grants.withdraw("mia@example.com")
    await mia.world.app.house.connections.mark_needs_reauth(await mia.connection(), "withdrawn")
    assert await mia("POST", PATH, BODY) == (403, refusal)


async def test_a_conference_that_takes_a_moment(world: World, connected: User) -> None:
    world.google.calendar_api.conferences.pending = 2
    status, made = await connected("POST", PATH, BODY)
    assert (status, made["meetingUrl"][:24]) == (200, "https://meet.google.com/")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [({"status": 500, "times": 9}, 503), (rate_limited(403), 503), ({"status": 400, "body": "{}"}, 500)],
    ids=["500", "quota", "refused"],
)
async def test_failures_are_said_as_documented(
    world: World, connected: User, fault: dict[str, Any], expected: int
) -> None:
    async def watched() -> bool:
        return bool(world.google.received("POST", f"{EVENTS}/watch"))

    await eventually(watched)  # or it would meet the fault that is meant for the link
    await world.quiet()
    world.google.fail(**fault, path=EVENTS)
    status, refused = await connected("POST", PATH, BODY)
    assert (status, refused) == (expected, {"error": "Failed to create Google Meet"})


async def test_an_appointment_and_its_meeting_are_one_event(world: World, connected: User) -> None:
    booked = await connected.book("John Doe", meeting="google-meet")

    async def appointment() -> Any:
        return await connected.ok("GET", f"/api/appointments/{booked['id']}")

    ready = await eventually(appointment, lambda one: one["meetings"][0]["status"] == "ready")
    url = ready["meetings"][0]["meetingUrl"]
    assert url.startswith("https://meet.google.com/")

    async def described() -> bool:
        return f"Meeting: {url}" in standing(world)[0]["description"]

    await eventually(described)
    (event,) = await in_google(world)
    assert event["conferenceData"]["entryPoints"][0]["uri"] == url

    later = NOON + timedelta(hours=4)
    await connected.ok("PATCH", f"/api/appointments/{booked['id']}", {"scheduledAt": later.isoformat()})

    async def moved() -> bool:
        (one,) = standing(world)
        return bool(one["start"]["dateTime"] == f"{later:%Y-%m-%dT%H:%M:%SZ}")

    await eventually(moved)
    assert standing(world)[0]["conferenceData"]["entryPoints"][0]["uri"] == url
    await connected.ok("POST", f"/api/appointments/{booked['id']}/cancel", {})
    await in_google(world, 0)
    await world.quiet()
    assert len(world.google.calendar().events) == 1


async def test_a_meeting_is_added_to_an_appointment_and_taken_away(world: World, connected: User) -> None:
    booked = await connected.book()
    await in_google(world)
    await world.quiet()
    body = {**BODY, "appointmentId": booked["id"]}
    status, made = await connected("POST", PATH, body)
    assert status == 200
    assert (await connected("POST", PATH, body))[1]["meetingUrl"] == made["meetingUrl"], (
        "asked again, the same"
    )
    (event,) = standing(world)
    assert made["eventId"] == event["id"]
    status, _ = await connected("POST", PATH, {**BODY, "appointmentId": 999})
    assert status == 404

    await connected.ok("PATCH", f"/api/appointments/{booked['id']}", {"meeting": False})

    async def bare() -> bool:
        return "conferenceData" not in standing(world)[0]

    await eventually(bare)
    await connected.ok("PATCH", f"/api/appointments/{booked['id']}", {"meeting": "google-meet"})

    async def again() -> bool:
        return "conferenceData" in standing(world)[0]

    await eventually(again)
    assert len(standing(world)) == 1


async def test_a_meeting_in_another_calendar_lives_and_dies_by_itself(world: World, connected: User) -> None:
    """The appointment is Mia's; its link is made in the calendar that she connected as its host's."""
    booked = await connected.book()
    await in_google(world)
    await connected.ok("DELETE", "/integrations/google/disconnect")
    await connected.connect("noa@example.com")
    await world.quiet()
    noa = world.google.calendar("noa@example.com")
    body = {**BODY, "hostEmail": "noa@example.com", "appointmentId": booked["id"]}
    assert (await connected("POST", PATH, body))[0] == 200
    assert all("conferenceData" not in one for one in standing(world))
    await connected.ok("POST", f"/api/appointments/{booked['id']}/cancel", {})

    async def alive() -> list[Any]:
        return [one for one in noa.events.values() if one["status"] != "cancelled"]

    await eventually(alive, lambda events: not events)


async def test_reply_lost_while_a_meeting_is_made(world: World, connected: User) -> None:
    await world.quiet()
    world.google.fail(cut=True, path=EVENTS)
    booked = await connected.book("John Doe", meeting="google-meet")

    async def appointment() -> Any:
        return await connected.ok("GET", f"/api/appointments/{booked['id']}")

    await eventually(appointment, lambda one: one["meetings"][0]["status"] == "ready", seconds=40)
    await world.quiet()
    assert len(world.google.calendar().events) == 1
