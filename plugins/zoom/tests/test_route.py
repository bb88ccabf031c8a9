"""``POST /api/create-zoom-meeting``: what booking.md says, and what it leaves open."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from rallypoint_zoom.client import SETTINGS
from rallypoint_zoom.fake import ZoomFake

from .conftest import AT, HOST, Caller, asked, book, create, eventually

MEETINGS = "/v2/users/[^/]+/meetings"


def test_a_meeting_is_made_as_documented(alice: Caller, fake: ZoomFake) -> None:
    body = {"guestEmail": "john@example.org", "agenda": "First consultation — Zoë", "startTime": AT}
    status, reply = create(alice, body)
    assert status == 200
    (number,) = fake.meetings
    made = fake.meetings[number]
    assert set(reply) == {"id", "join_url", "start_url", "password"}
    assert (reply["id"], reply["join_url"], reply["password"]) == (number, made["join_url"], made["password"])
    assert reply["start_url"].startswith(f"https://zoom.us/s/{number}?zak=")
    (sent,) = asked(fake, "POST", MEETINGS)
    assert sent.path == f"/v2/users/{HOST}/meetings"
    assert json.loads(sent.body) == {
        "topic": "Consultation",
        "agenda": "First consultation — Zoë",
        "type": 2,
        "start_time": AT,
        "duration": 30,
        "timezone": "UTC",
        "settings": dict(SETTINGS),
    }


def test_a_time_with_an_offset_is_the_same_time(alice: Caller, fake: ZoomFake) -> None:
    assert create(alice, {"startTime": "2027-01-01T15:45:00.999+05:45"})[0] == 200
    (made,) = fake.meetings.values()
    assert made["start_time"] == AT


@pytest.mark.parametrize("field", ["hostEmail", "topic", "startTime", "durationMinutes"])
def test_a_missing_field_is_named_as_documented(alice: Caller, fake: ZoomFake, field: str) -> None:
    for value in (None, *([] if field in ("startTime", "durationMinutes") else [""])):
        status, reply = create(alice, {field: value})
        assert (status, reply["error"], list(reply["details"])) == (400, "Missing required fields", [field])
    assert alice("POST", "/api/create-zoom-meeting")[1]["error"] == "Missing required fields"
    assert fake.meetings == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("durationMinutes", "thirty"),
        ("durationMinutes", 0),
        ("durationMinutes", 10_000),
        ("startTime", "2027-01-01T10:00:00"),
        ("startTime", "soon"),
        ("topic", "x" * 300),
        ("hostEmail", 7),
        ("appointmentId", "appt_1"),
    ],
)
def test_what_is_wrong_is_named(alice: Caller, fake: ZoomFake, field: str, value: object) -> None:
    status, reply = create(alice, {field: value})
    assert (status, isinstance(reply["error"], str), list(reply["details"])) == (400, True, [field])
    assert fake.meetings == {}


def test_a_token_is_needed(alice: Caller) -> None:
    status, reply = alice.server.request("POST", "/api/create-zoom-meeting", {})
    assert (status, isinstance(reply["error"], str)) == (401, True)


def test_a_host_that_zoom_does_not_know_is_a_failure(alice: Caller, fake: ZoomFake) -> None:
    assert create(alice, {"hostEmail": "jane@elsewhere.org"}) == (
        500,
        {"error": "Failed to create Zoom meeting"},
    )
    assert create(alice)[0] == 200  # and no other host's


def test_one_token_serves_many_and_a_dead_one_is_replaced(
    start: Callable[..., Caller], fake: ZoomFake
) -> None:
    caller = start()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: create(caller), range(16)))
    assert [status for status, _ in replies] == [200] * 16
    assert len(asked(fake, "POST", "/oauth/token")) == 1
    fake.revoke()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: create(caller), range(8)))
    assert [status for status, _ in replies] == [200] * 8
    assert len(asked(fake, "POST", "/oauth/token")) == 2
    assert len(fake.meetings) == 24


def test_a_repeated_request_is_one_meeting(alice: Caller, bob: Caller, fake: ZoomFake) -> None:
    first = create(alice, Idempotency_Key="one")[1]
    second = create(alice, Idempotency_Key="one")[1]
    assert (first["id"], first["join_url"]) == (second["id"], second["join_url"])
    assert create(alice, Idempotency_Key="two")[1]["id"] != first["id"]
    assert create(bob, Idempotency_Key="one")[1]["id"] != first["id"]
    assert create(alice, {"topic": "Other"}, Idempotency_Key="one")[0] == 409
    assert create(alice, Idempotency_Key="k" * 300)[0] == 400
    assert len(fake.meetings) == 3


def test_two_at_once_with_one_key_are_one_meeting(alice: Caller, fake: ZoomFake) -> None:
    fake.fail(delay=0.5, path="/v2/users")
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: create(alice, Idempotency_Key="race"), range(4)))
    assert {status for status, _ in replies} <= {200, 409}
    assert len(fake.meetings) == 1


def test_the_sandbox_calls_nobody(alice: Caller, fake: ZoomFake) -> None:
    key = alice("POST", "/api/personal_api_keys", {"label": "sandbox", "sandbox": True})[1]["data"]["value"]
    sandbox = Caller(alice.server, key)
    status, reply = create(sandbox)
    assert (status, set(reply)) == (200, {"id", "join_url", "start_url", "password"})
    assert isinstance(reply["id"], int)
    booked = book(sandbox, meeting="zoom")
    path = f"/api/appointments/{booked['id']}"
    eventually(lambda: sandbox("GET", path)[1]["meetingUrl"])
    assert sandbox("POST", f"{path}/cancel")[0] == 200
    eventually(lambda: sandbox("GET", path)[1]["meetings"][0]["status"] == "cancelled")
    assert fake.requests == []
    assert sandbox("GET", "/integrations/status")[1]["data"]["zoom"] == {"connected": False}
    assert alice("GET", "/integrations/status")[1]["data"]["zoom"]["connected"] is True


def test_a_sandbox_with_an_account_of_its_own_is_served_there(
    start: Callable[..., Caller], fake: ZoomFake
) -> None:
    caller = start(
        ZOOM_ACCOUNT_ID="live-account",
        RALLYPOINT_ZOOM_SANDBOX_ACCOUNT_ID=fake.account,
        RALLYPOINT_ZOOM_SANDBOX_CLIENT_ID=fake.client[0],
        RALLYPOINT_ZOOM_SANDBOX_CLIENT_SECRET=fake.client[1],
    )
    key = caller("POST", "/api/personal_api_keys", {"label": "sandbox", "sandbox": True})[1]["data"]["value"]
    assert create(Caller(caller.server, key))[0] == 200
    assert len(fake.meetings) == 1
    assert create(caller)[0] in (500, 503)
    assert len(fake.meetings) == 1


def test_the_operator_says_who_may_be_a_host(start: Callable[..., Caller], fake: ZoomFake) -> None:
    caller = start(RALLYPOINT_ZOOM_HOSTS='["jane@example.com", "@example.org"]')
    assert create(caller)[0] == 200
    assert create(caller, {"hostEmail": "chief@example.com"})[0] == 500
    assert len(asked(fake, "POST", "/v2/users/chief.*")) == 0
