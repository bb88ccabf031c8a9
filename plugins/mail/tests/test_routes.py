"""``POST /api/create-calendar-event``, as booking.md has it."""

from __future__ import annotations

from typing import Any

import vobject
from plugins.mail.tests.conftest import Start, World

from core.web.asgi import Got, ask

PATH = "/api/create-calendar-event"
BODY = {
    "userEmail": "ben@example.com",
    "practitionerEmail": "mia@example.com",
    "title": "Therapy session",
    "description": "First session.\nPlease be on time.",
    "date": "2030-01-10",
    "time": "9:00 AM",
    "duration": 60,
}


async def post(world: World, body: Any, **headers: str) -> Got:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(
        world.app, "POST", PATH, json=body, headers={"authorization": f"Bearer {world.token}", **named}
    )


async def test_an_invitation_to_nothing_that_is_kept_here(world: World) -> None:
    reply = await post(world, BODY)
    assert reply.status == 200
    answer = reply.json()
    assert answer["success"] is True
    assert answer["eventId"].startswith("cal-")
    (got,) = await world.mail()
    assert got.recipients == ["ben@example.com", "mia@example.com"]
    assert (got.message["To"], got.message["Cc"]) == ("ben@example.com", "mia@example.com")
    assert got.message["Subject"] == "Calendar Invitation: Therapy session"
    event = vobject.readOne(got.calendar).vevent
    assert event.uid.value == f"{answer['eventId']}@book.example.org"
    assert (event.summary.value, event.location.value) == ("Therapy session", "Online")
    assert event.description.value == BODY["description"]
    assert event.dtstart.value.isoformat() == "2030-01-10T09:00:00+00:00"
    assert event.dtend.value.isoformat() == "2030-01-10T10:00:00+00:00"


async def test_the_entry_of_an_appointment_follows_it(world: World) -> None:
    view = await world.book()
    reply = await post(world, {**BODY, "appointmentId": view.id, "time": "08:00", "duration": 45})
    assert reply.json() == {"eventId": f"cal-{view.id}", "success": True}
    await world.settled()
    before = len(world.mailbox.received)
    await world.change(view, start=view.start + 3_600_000)
    await world.settled()
    await world.cancel(view)
    *_, asked, changed, cancelled = await world.mail()
    assert before >= 1
    events = [vobject.readOne(mail.calendar).vevent for mail in (asked, changed, cancelled)]
    assert len({event.uid.value for event in events}) == 1
    assert [event.summary.value for event in events] == ["Therapy session"] * 3
    sequences = [int(event.sequence.value) for event in events]
    assert sequences == sorted(set(sequences))
    assert [event.status.value for event in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert cancelled.recipients == ["ben@example.com", "mia@example.com"]
    assert events[0].dtstart.value.timestamp() * 1000 == view.start  # 8:00 in Kathmandu


async def test_an_announcement_that_has_not_left_gives_way(start: Start) -> None:
    async with start(SETTLE_SECONDS="5") as world:
        view = await world.book()
        reply = await post(
            world, {**BODY, "appointmentId": f"appt_{view.id}", "time": "08:00", "duration": 45}
        )
        assert reply.json()["eventId"] == f"cal-{view.id}"
        (only,) = await world.mail()
        assert only.message["Subject"] == "Calendar Invitation: Therapy session"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"userEmail": "ben"}, "userEmail"),
    ({"userEmail": "ben@example.com\r\nBcc: eve@example.com"}, "userEmail"),
    ({"practitionerEmail": "mia@"}, "practitionerEmail"),
    ({"date": "tomorrow"}, "date"),
    ({"time": "25:00"}, "time"),
    ({"timezone": "Mars/Base"}, "timezone"),
    ({"duration": 100_000}, "duration"),
    ({"appointmentId": "seven"}, "appointmentId"),
]


async def test_what_is_missing_or_wrong_is_named(world: World) -> None:
    for missing in ("userEmail", "title", "date", "time", "duration"):
        reply = await post(world, {name: value for name, value in BODY.items() if name != missing})
        assert (reply.status, reply.json()["error"]) == (400, "Missing required fields")
        assert list(reply.json()["details"]) == [missing]
    for fields, named in WRONG:
        reply = await post(world, {**BODY, **fields})
        assert (reply.status, list(reply.json()["details"])) == (400, [named])
    assert await world.mail() == []


async def test_who_may_ask(world: World) -> None:
    assert (await ask(world.app, "POST", PATH, json=BODY, headers={})).status == 401
    view = await world.book(customer_email="")
    await world.join("Another clinic")
    reply = await post(world, {**BODY, "appointmentId": view.id})
    assert (reply.status, list(reply.json())) == (404, ["error"])
    assert (await post(world, {**BODY, "appointmentId": 99_999})).status == 404


async def test_a_cancelled_appointment_is_not_announced(world: World) -> None:
    view = await world.book(customer_email="")
    await world.cancel(view)
    assert (await post(world, {**BODY, "appointmentId": view.id})).status == 409


async def test_a_repeated_request_sends_one_message(world: World) -> None:
    first, second = [await post(world, BODY, idempotency_key="once") for _ in range(2)]
    assert first.body == second.body
    assert len(await world.mail()) == 1


async def test_the_sandbox_sends_nothing_and_shows_it(world: World) -> None:
    headers = {"authorization": f"Bearer {world.token}"}
    made = await ask(
        world.app, "POST", "/api/personal_api_keys", json={"label": "t", "sandbox": True}, headers=headers
    )
    world.token = made.json()["data"]["value"]
    assert (await post(world, BODY)).status == 200
    assert await world.mail() == []
    listed = await ask(world.app, "GET", "/api/v1/mail", headers={"authorization": f"Bearer {world.token}"})
    (message,) = listed.json()["data"]
    assert (message["state"], message["to"]) == ("recorded", ["ben@example.com"])
