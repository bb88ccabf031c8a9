"""Zoom away, slow, overrun, cut off in the middle, or refusing the operator."""

from __future__ import annotations

from collections.abc import Callable

from rallypoint_zoom.fake import ZoomFake

from .conftest import Caller, asked, book, create, eventually
from .test_appointments import ready, shown

Start = Callable[..., Caller]
FAILED = {"error": "Failed to create Zoom meeting"}


def test_when_zoom_asks_to_wait_alices_are_told_how_long(alice: Caller, fake: ZoomFake) -> None:
    fake.fail(429, headers={"Retry-After": "2"}, body='{"code":429,"message":"wait"}', path="/v2/users")
    status, reply = create(alice)
    assert (status, reply) == (503, FAILED)
    eventually(lambda: create(alice)[0] == 200)
    assert len(fake.meetings) == 1


def test_a_booking_stands_while_zoom_is_away_and_its_meeting_follows(alice: Caller, fake: ZoomFake) -> None:
    fake.fail(500, times=2, path="/v2/users")
    booked = book(alice, meeting="zoom")
    assert booked["status"] == "confirmed"
    ready(alice, booked["id"])
    assert len(fake.meetings) == 1


def test_an_answer_that_was_lost_is_no_second_meeting(alice: Caller, fake: ZoomFake) -> None:
    for number in range(40):  # what is there already is looked through
        create(alice, {"topic": f"Other {number}"})
    fake.fail(cut=True, path="/v2/users")
    booked = book(alice, meeting="zoom", notes="x" * 600)
    meeting = ready(alice, booked["id"])
    mine = [number for number, made in fake.meetings.items() if not made["topic"].startswith("Other")]
    assert mine == [int(meeting["meetingId"])]
    assert len(asked(fake, "GET", "/v2/users/.*")) == 1


def test_a_lost_answer_to_the_route_leaves_nothing_behind(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice)
    fake.fail(cut=True, path="/v2/users")
    assert create(alice, {"appointmentId": booked["id"]}) == (503, FAILED)
    eventually(lambda: fake.meetings == {}, 30)
    assert create(alice, {"appointmentId": booked["id"]})[0] == 200
    assert len(fake.meetings) == 1


def test_a_lost_answer_with_a_key_is_found_again(alice: Caller, fake: ZoomFake) -> None:
    fake.fail(cut=True, path="/v2/users")
    assert create(alice, Idempotency_Key="k")[0] == 503
    status, reply = create(alice, Idempotency_Key="k")
    assert (status, list(fake.meetings)) == (200, [reply["id"]])


def test_a_move_whose_answer_is_lost_is_made_again(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice, meeting="zoom")
    ready(alice, booked["id"])
    (made,) = fake.meetings.values()
    fake.fail(503, path="/v2/meetings")
    alice("PATCH", f"/api/appointments/{booked['id']}", {"scheduledAt": "2027-02-01T10:00:00Z"})
    eventually(lambda: made["start_time"] == "2027-02-01T10:00:00Z", 30)
    assert len(fake.meetings) == 1


def test_a_meeting_under_way_is_deleted_later(alice: Caller, fake: ZoomFake) -> None:
    booked = book(alice, meeting="zoom")
    ready(alice, booked["id"])
    (made,) = fake.meetings.values()
    made["status"] = "started"
    alice("POST", f"/api/appointments/{booked['id']}/cancel")
    eventually(lambda: asked(fake, "DELETE", "/v2/meetings/.*"))
    assert len(fake.meetings) == 1
    assert shown(alice, booked["id"])["status"] == "cancelled"


def test_a_token_endpoint_that_is_away_is_for_later(alice: Caller, fake: ZoomFake) -> None:
    fake.revoke()
    fake.fail(503, path="/oauth")
    assert create(alice) == (503, FAILED)
    assert create(alice)[0] == 200


def test_wrong_credentials_are_the_operators_matter(start: Start, fake: ZoomFake) -> None:
    caller = start(ZOOM_API_SECRET="a-wrong-secret")
    assert create(caller) == (503, FAILED)
    assert fake.meetings == {}
    assert "a-wrong-secret" not in caller.server.log.read_text()


def test_a_missing_scope_is_the_operators_matter(alice: Caller, fake: ZoomFake) -> None:
    fake.scopes.discard("meeting:write")
    assert create(alice) == (503, FAILED)
    fake.scopes.add("meeting:write")
    assert create(alice)[0] == 200


def test_replies_that_are_not_zooms_change_nothing(alice: Caller, fake: ZoomFake) -> None:
    for body in ("[]", "{}", "no", '{"id":"x","join_url":"y"}'):
        fake.fail(201, body=body, path="/v2/users")
        assert create(alice) == (503, FAILED)
    assert create(alice)[0] == 200


def test_nothing_secret_is_logged(start: Start, fake: ZoomFake) -> None:
    caller = start(RALLYPOINT_LOG_LEVEL="debug")
    status, reply = create(caller)
    assert status == 200
    log = caller.server.log.read_text()
    for secret in (*fake.client[1:], *fake.tokens, reply["start_url"], reply["password"], "a-webhook-secret"):
        assert secret not in log
