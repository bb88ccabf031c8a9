"""Meetings of appointments: made, moved and cancelled with them."""

from __future__ import annotations

from typing import Any

from rallypoint_zoom.fake import ZoomFake

from .conftest import AT, HOST, Caller, asked, book, create, eventually


def shown(caller: Caller, appointment_id: int) -> dict[str, Any]:
    status, reply = caller("GET", f"/api/appointments/{appointment_id}")
    assert status == 200
    found: dict[str, Any] = reply
    return found


def ready(caller: Caller, appointment_id: int) -> dict[str, Any]:
    """Return the appointment's meeting once it is made."""

    def look() -> Any:
        return [one for one in shown(caller, appointment_id)["meetings"] if one["status"] == "ready"]

    made: dict[str, Any] = eventually(look)[0]
    return made


def test_an_appointment_that_asks_for_a_meeting_gets_one(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice, meeting="zoom", notes="First consultation")
    meeting = ready(alice, booked["id"])
    (number,) = fake.meetings
    made = fake.meetings[number]
    assert (meeting["platform"], meeting["meetingId"]) == ("zoom", str(number))
    assert (meeting["meetingUrl"], meeting["password"]) == (made["join_url"], made["password"])
    assert meeting["hostUrl"].startswith("https://zoom.us/s/")
    assert (made["host_email"], made["start_time"], made["duration"]) == (HOST, AT, 30)
    assert made["agenda"] == "First consultation"
    assert shown(alice, booked["id"])["meetingUrl"] == made["join_url"]


def test_it_moves_and_goes_with_the_appointment(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice, meeting="zoom")
    before = ready(alice, booked["id"])
    (made,) = fake.meetings.values()
    path = f"/api/appointments/{booked['id']}"
    assert alice("PATCH", path, {"scheduledAt": "2027-01-02T14:00:00+01:00", "duration": 45})[0] == 200
    eventually(lambda: made["start_time"] == "2027-01-02T13:00:00Z")
    assert made["duration"] == 45
    assert ready(alice, booked["id"])["meetingUrl"] == before["meetingUrl"]
    assert alice("POST", f"{path}/cancel", {"reason": "ill"})[0] == 200
    eventually(lambda: fake.meetings == {})


def test_the_route_keeps_the_meeting_with_its_appointment(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice)
    status, reply = create(
        alice, {"appointmentId": booked["id"], "topic": "As asked for", "agenda": "Bring tea"}
    )
    assert status == 200
    meeting = ready(alice, booked["id"])
    assert (meeting["meetingId"], meeting["meetingUrl"]) == (str(reply["id"]), reply["join_url"])
    (made,) = fake.meetings.values()
    assert (made["topic"], made["agenda"]) == ("As asked for", "Bring tea")
    again = create(alice, {"appointmentId": booked["id"]})[1]
    assert (again["id"], again["join_url"]) == (reply["id"], reply["join_url"])
    assert len(fake.meetings) == 1
    assert alice("POST", f"/api/appointments/{booked['id']}/cancel")[0] == 200
    eventually(lambda: fake.meetings == {})


def test_others_appointments_get_no_meeting(alice: Caller, bob: Caller, fake: ZoomFake) -> None:
    theirs = book(bob)
    assert create(alice, {"appointmentId": theirs["id"]})[0] == 404
    assert create(alice, {"appointmentId": 999_999_999})[0] == 404
    bob("POST", f"/api/appointments/{theirs['id']}/cancel")
    assert create(bob, {"appointmentId": theirs["id"]})[0] == 409
    assert fake.meetings == {}


def test_a_meeting_that_was_deleted_at_zoom_is_made_anew_when_it_moves(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice, meeting="zoom")
    before = ready(alice, booked["id"])
    fake.meetings.clear()
    path = f"/api/appointments/{booked['id']}"
    assert alice("PATCH", path, {"scheduledAt": "2027-01-02T10:00:00Z"})[0] == 200
    eventually(lambda: ready(alice, booked["id"])["meetingId"] != before["meetingId"])
    (made,) = fake.meetings.values()
    assert made["start_time"] == "2027-01-02T10:00:00Z"


def test_cancelling_a_meeting_that_is_gone_is_well(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice, meeting="zoom")
    ready(alice, booked["id"])
    fake.meetings.clear()
    alice("POST", f"/api/appointments/{booked['id']}/cancel")
    eventually(lambda: asked(fake, "DELETE", "/v2/meetings/.*"))
    eventually(lambda: shown(alice, booked["id"])["meetings"][0]["status"] == "cancelled")


def test_a_host_whom_zoom_does_not_know_leaves_the_booking_standing(alice: Caller, fake: ZoomFake) -> None:
    doctor = alice("POST", "/api/practitioners", {"name": "Jane", "email": "jane@elsewhere.org"})[1]
    wanted = {"practitionerId": doctor["id"], "customerName": "John", "scheduledAt": AT, "meeting": "zoom"}
    status, booked = alice("POST", "/api/appointments", wanted)
    assert status == 201

    def look() -> Any:
        return [one for one in shown(alice, booked["id"])["meetings"] if one["status"] == "failed"]

    (meeting,) = eventually(look)
    assert "no user with the host's e-mail address" in meeting["reason"]
    assert "elsewhere" not in meeting["reason"]
    assert shown(alice, booked["id"])["status"] == "confirmed"
