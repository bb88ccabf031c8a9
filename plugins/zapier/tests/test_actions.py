"""Actions: what a Zap does here, under the rules of the API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Caller, Zapier, zapier_of

CREATE, MOVE, CANCEL = (f"/actions/{verb}-appointment" for verb in ("create", "reschedule", "cancel"))
AT = "2027-05-03T10:00:00Z"


@pytest.fixture
def practitioner(alice: Caller) -> int:
    status, reply = alice(
        "POST", "/api/practitioners", {"name": "Dr. Jane Smith", "email": "jane@example.com"}
    )
    assert status == 201, reply
    number: int = reply["id"]
    return number


def test_a_zap_books_what_the_api_shows(alice: Caller, zapier: Zapier, practitioner: int) -> None:
    wanted = {
        "scheduledAt": "2027-05-03T12:00:00+02:00",
        "duration": 45,
        "practitionerId": practitioner,
        "customerName": "Zoë Doe",
        "customerEmail": "zoe@example.com",
        "customerPhone": "+44 7700 900123",
        "sessionType": "consultation",
        "notes": "From a form",
    }
    status, reply = zapier("POST", CREATE, wanted)
    assert (status, reply["success"]) == (201, True)
    booked = reply["data"]
    assert (booked["scheduledAt"], booked["status"]) == ("2027-05-03T10:00:00.000Z", "scheduled")
    shown = alice("GET", f"/api/appointments/{booked['id'].removeprefix('appt_')}")[1]
    same = (
        "customerName",
        "customerEmail",
        "customerPhone",
        "practitionerId",
        "duration",
        "sessionType",
        "notes",
    )
    assert {name: shown[name] for name in same} == {name: booked[name] for name in same}
    assert booked["practitionerName"] == "Dr. Jane Smith"


def test_numbers_may_be_text_and_fields_empty(zapier: Zapier, practitioner: int) -> None:
    wanted = {
        "scheduledAt": AT,
        "duration": "45",
        "practitionerId": f" {practitioner} ",
        "customerId": "",
        "customerName": "John",
        "customerEmail": "",
        "meeting": "",
        "something": "else",
    }
    booked = zapier("POST", CREATE, wanted)[1]["data"]
    assert (booked["duration"], booked["practitionerId"]) == (45, practitioner)
    bare = {"appointmentId": booked["id"].removeprefix("appt_"), "scheduledAt": "", "duration": "30"}
    assert zapier("POST", MOVE, bare)[1]["data"]["duration"] == 30
    assert zapier("POST", CANCEL, {"appointmentId": int(bare["appointmentId"])})[0] == 200


def test_a_known_customer_is_named_by_id(zapier: Zapier) -> None:
    first = zapier.book()
    wanted = {"scheduledAt": AT, "customerId": first["customerId"]}
    status, reply = zapier("POST", CREATE, wanted)
    assert (status, reply["data"]["customerName"]) == (201, "John Doe")


def test_a_taken_slot_is_one_conflict(zapier: Zapier, practitioner: int) -> None:
    wanted = {"scheduledAt": AT, "customerName": "John", "practitionerId": practitioner}
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: zapier("POST", CREATE, wanted), range(8)))
    assert sorted(status for status, _ in replies) == [201, *[409] * 7]
    (refused, *_) = (reply for status, reply in replies if status == 409)
    assert (refused["success"], refused["error"]["code"]) == (False, "SLOT_TAKEN")


def test_a_repeated_action_happens_once(zapier: Zapier) -> None:
    wanted = {"scheduledAt": AT, "customerName": "John"}
    first = zapier("POST", CREATE, wanted, Idempotency_Key="zap-1")
    second = zapier("POST", CREATE, wanted, Idempotency_Key="zap-1")
    assert first == second
    assert zapier("POST", CREATE, wanted, Idempotency_Key="zap-2")[1] != first[1]
    assert zapier("POST", CREATE, {**wanted, "notes": "x"}, Idempotency_Key="zap-1")[0] == 409


def test_moving_and_cancelling(alice: Caller, zapier: Zapier) -> None:
    booked = zapier.book()
    status, reply = zapier("POST", MOVE, {"appointmentId": booked["id"], "scheduledAt": AT})
    assert (status, reply["data"]["scheduledAt"]) == (200, "2027-05-03T10:00:00.000Z")
    status, reply = zapier("POST", CANCEL, {"appointmentId": booked["id"], "reason": "ill"})
    assert (status, reply["data"]["status"], reply["data"]["reason"]) == (200, "cancelled", "ill")
    assert zapier("POST", CANCEL, {"appointmentId": booked["id"]})[0] == 200
    later = {"appointmentId": booked["id"], "scheduledAt": "2027-05-04T10:00:00Z"}
    assert zapier("POST", MOVE, later)[0] == 409
    shown = alice("GET", f"/api/appointments/{booked['id'].removeprefix('appt_')}")[1]
    assert (shown["status"], shown["reason"]) == ("cancelled", "ill")


def test_others_appointments_are_not_there(zapier: Zapier, bob: Caller) -> None:
    theirs = zapier_of(bob).book()
    for path, more in ((MOVE, {"scheduledAt": AT}), (CANCEL, {})):
        for id_ in (theirs["id"], "appt_999999999"):
            assert zapier("POST", path, {"appointmentId": id_, **more})[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (CREATE, {"customerName": "John"}, "scheduledAt"),
        (CREATE, {"customerName": "John", "scheduledAt": "tomorrow"}, "scheduledAt"),
        (CREATE, {"customerName": "John", "scheduledAt": "2027-05-03T10:00:00"}, "scheduledAt"),
        (CREATE, {"scheduledAt": AT}, "body"),
        (CREATE, {"customerName": "John", "scheduledAt": AT, "duration": "long"}, "duration"),
        (CREATE, {"customerName": "John", "scheduledAt": AT, "duration": 0}, "duration"),
        (CREATE, {"customerName": "John", "scheduledAt": AT, "practitionerId": True}, "practitionerId"),
        (CREATE, {"customerName": "x" * 300, "scheduledAt": AT}, "customerName"),
        (CREATE, {"customerName": "John", "scheduledAt": AT, "notes": "x" * 6000}, "notes"),
        (MOVE, {"appointmentId": "appt_1"}, "body"),
        (MOVE, {"appointmentId": "one", "scheduledAt": AT}, "appointmentId"),
        (MOVE, {"appointmentId": "-1", "scheduledAt": AT}, "appointmentId"),
        (MOVE, {"appointmentId": 10**30, "scheduledAt": AT}, "appointmentId"),
        (CANCEL, {}, "appointmentId"),
    ],
)
def test_what_an_action_cannot_use_is_refused(zapier: Zapier, path: str, body: Any, field: str) -> None:
    status, reply = zapier("POST", path, body)
    assert (status, reply["success"], reply["error"]["code"]) == (400, False, "VALIDATION_FAILED")
    assert field in reply["error"]["details"]
