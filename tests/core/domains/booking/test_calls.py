"""Calls over REST, on both columns."""

from __future__ import annotations

import pytest

CALL = {
    "customerName": "John Doe",
    "customerPhone": "+44 7700 900123",
    "duration": 180,
    "recordingUrl": "https://api.example.com/recordings/call_789.mp3",
    "transcript": "Full call transcript...",
    "sentiment": "positive",
}


def test_a_call_is_kept_as_it_was_told(alice):
    status, made = alice("POST", "/api/calls", {**CALL, "received_at": "2026-11-21T11:05:00+01:00"})
    assert status == 201
    assert {name: made[name] for name in CALL} == CALL
    assert made["receivedAt"] == "2026-11-21T10:05:00Z"
    assert alice("GET", f"/api/calls/{made['id']}") == (200, made)


def test_the_caller_on_the_phone_is_a_customer_known_by_their_number(alice):
    _, first = alice("POST", "/api/calls", CALL)
    body = {"date": "2090-06-01", "time": "9:00", "customer_phone": "+447700900123"}
    _, booked = alice("POST", "/api/appointments", body)
    assert (booked["customerId"], booked["customerName"]) == (first["customerId"], "John Doe")
    _, again = alice("POST", "/api/calls", {"customerId": f"cust_{first['customerId']}"})
    assert (again["customerId"], again["customerPhone"]) == (first["customerId"], CALL["customerPhone"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"duration": -1}, "duration"),
        ({"duration": "3"}, "duration"),
        ({"recordingUrl": "javascript:alert(1)"}, "recordingUrl"),
        ({"transcript": "x" * 200_001}, "transcript"),
        ({"customerId": "cust_7"}, "customerId"),
        ({"customerPhone": "1" * 41}, "customerPhone"),
    ],
)
def test_what_is_out_of_its_limits_is_refused_by_name(alice, body, field):
    status, refused = alice("POST", "/api/calls", body)
    assert (status, list(refused["details"])) == (400, [field])


def test_another_account_sees_none_of_it(alice, bob):
    _, made = alice("POST", "/api/calls", CALL)
    assert bob("GET", f"/api/calls/{made['id']}") == (404, {"error": "Call not found"})
    assert bob("GET", "/api/calls")[1] == {"data": [], "next": None}
    assert bob("POST", "/api/calls", {"customerId": made["customerId"]})[0] == 404
    assert bob("GET", "/api/calls/x")[0] == 404


def test_lists_are_paged_latest_first(alice):
    made = [alice("POST", "/api/calls", {"duration": n})[1]["id"] for n in range(3)]
    _, first = alice("GET", "/api/calls?limit=2")
    assert [one["id"] for one in first["data"]] == [made[2], made[1]]
    _, last = alice("GET", f"/api/calls?limit=2&after={first['next']}")
    assert ([one["id"] for one in last["data"]], last["next"]) == ([made[0]], None)


def test_the_same_key_keeps_one_call(alice):
    made = [alice("POST", "/api/calls", CALL, Idempotency_Key="k") for _ in range(2)]
    assert made[0] == made[1]
    assert len(alice("GET", "/api/calls")[1]["data"]) == 1
