"""The calendar takes and refuses what Google's does."""

from __future__ import annotations

from typing import Any

import pytest

from core.testing.google.conftest import Asker
from rallypoint.testing.google import GoogleFake

EVENTS = "/calendar/v3/calendars/primary/events"
CREATE = {"createRequest": {"requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}


def reason(refusal: Any) -> str:
    found: str = refusal["error"]["errors"][0]["reason"]
    return found


async def test_an_event_lives_and_dies(mia: Asker, meeting: dict[str, Any]) -> None:
    status, made = await mia("POST", EVENTS, meeting)
    assert status == 200
    assert made["start"] == {"dateTime": "2026-11-30T11:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert (made["status"], made["sequence"], made["organizer"]["self"]) == ("confirmed", 0, True)

    path = f"{EVENTS}/{made['id']}"
    _, renamed = await mia("PATCH", path, {"summary": "Coffee", "description": "strong"})
    assert (renamed["summary"], renamed["sequence"], renamed["start"]) == ("Coffee", 0, made["start"])
    assert renamed["etag"] != made["etag"]
    _, moved = await mia(
        "PUT", path, {**meeting, "summary": "Coffee", "end": {"dateTime": "2026-11-30T12:00:00Z"}}
    )
    assert (moved["sequence"], "description" in moved) == (1, False)

    assert (await mia("DELETE", path))[0] == 204
    assert (await mia("DELETE", path))[0] == 410
    _, gone = await mia("GET", path)
    assert gone["status"] == "cancelled"


async def test_ids_of_our_own(mia: Asker, meeting: dict[str, Any]) -> None:
    assert (await mia("POST", EVENTS, {**meeting, "id": "abc123"}))[0] == 200
    status, refusal = await mia("POST", EVENTS, {**meeting, "id": "abc123"})
    assert (status, reason(refusal)) == (409, "duplicate")
    assert (await mia("POST", EVENTS, {**meeting, "id": "not-base32hex"}))[0] == 400
    await mia("DELETE", f"{EVENTS}/abc123")
    assert (await mia("POST", EVENTS, {**meeting, "id": "abc123"}))[0] == 409, "a deleted id stays taken"


async def test_a_change_of_an_older_version_is_refused(mia: Asker, meeting: dict[str, Any]) -> None:
    _, made = await mia("POST", EVENTS, meeting)
    path, old = f"{EVENTS}/{made['id']}", {"If-Match": made["etag"]}
    assert (await mia("PATCH", path, {"summary": "a"}, headers=old))[0] == 200
    for method, body in (("PATCH", {"summary": "b"}), ("PUT", meeting), ("DELETE", None)):
        status, refusal = await mia(method, path, body, headers=old)
        assert (status, reason(refusal)) == (412, "conditionNotMet")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"start": None}, "required"),
        ({"end": {"dateTime": "2026-11-30T09:00:00Z"}}, "timeRangeEmpty"),
        ({"end": {"date": "2026-12-01"}}, "invalid"),
        ({"start": {"dateTime": "2026-11-30T10:00:00"}}, "invalid"),
        ({"start": {"dateTime": "2026-11-30T10:00:00Z", "timeZone": "Mars/Olympus"}}, "invalid"),
        ({"start": {"dateTime": "tomorrow"}}, "parseError"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
        ({"sumary": "typo"}, "parseError"),
        ({"summary": 7}, "parseError"),
        ({"status": "maybe"}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=SOMETIMES"]}, "invalid"),
        ({"recurrence": ["DTSTART:20261130T100000Z"]}, "invalid"),
        ({"extendedProperties": {"private": {"k" * 45: "v"}}}, "invalid"),
        (
            {"reminders": {"useDefault": True, "overrides": [{"method": "popup", "minutes": 5}]}},
            "cannotUseDefaultRemindersAndSpecifyOverride",
        ),
    ],
)
async def test_bad_events_are_refused(
    mia: Asker, meeting: dict[str, Any], change: dict[str, Any], expected: str
) -> None:
    status, refusal = await mia("POST", EVENTS, {**meeting, **change})
    assert (status, reason(refusal)) == (400, expected)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/calendar/v3/calendars/noa%40example.com/events", 404),
        ("GET", f"{EVENTS}/unknown", 404),
        ("GET", f"{EVENTS}?singleEvent=true", 400),
        ("GET", f"{EVENTS}?singleEvents=yes", 400),
        ("GET", f"{EVENTS}?maxResults=0", 400),
        ("GET", f"{EVENTS}?orderBy=startTime", 400),
        ("GET", f"{EVENTS}?syncToken=made-up", 400),
        ("GET", f"{EVENTS}?fields=items(", 400),
        ("POST", f"{EVENTS}/import", 501),
        ("PATCH", "/calendar/v3/calendars/primary/everything", 404),
        ("GET", "/calendar/v3/colors", 403),
        ("GET", "/calendar/v3/users/me/settings", 403),
    ],
)
async def test_bad_requests_are_refused(mia: Asker, method: str, path: str, status: int) -> None:
    assert (await mia(method, path))[0] == status


async def test_a_conference_is_made_or_will_be(
    mia: Asker, google: GoogleFake, meeting: dict[str, Any]
) -> None:
    _, made = await mia("POST", f"{EVENTS}?conferenceDataVersion=1", {**meeting, "conferenceData": CREATE})
    (video, phone) = made["conferenceData"]["entryPoints"]
    assert video["uri"] == made["hangoutLink"]
    assert phone["entryPointType"] == "phone"
    _, plain = await mia("POST", EVENTS, {**meeting, "conferenceData": CREATE})
    assert "conferenceData" not in plain

    google.calendar_api.conferences.pending = 1
    later = {"createRequest": {**CREATE["createRequest"], "requestId": "r2"}}
    _, waits = await mia("POST", f"{EVENTS}?conferenceDataVersion=1", {**meeting, "conferenceData": later})
    assert waits["conferenceData"]["createRequest"]["status"]["statusCode"] == "pending"
    _, there = await mia("GET", f"{EVENTS}/{waits['id']}")
    assert there["conferenceData"]["createRequest"]["status"]["statusCode"] == "success"
    _, moved = await mia("PATCH", f"{EVENTS}/{waits['id']}", {"summary": "still there"})
    assert moved["hangoutLink"] == there["hangoutLink"]


async def test_busy_times(mia: Asker, google: GoogleFake, meeting: dict[str, Any]) -> None:
    google.calendar().insert(meeting)
    free = {"transparency": "transparent", "start": {"dateTime": "2026-11-30T06:00:00Z"}}
    google.calendar().insert({**meeting, **free})
    body = {"timeMin": "2026-11-30T10:30:00Z", "timeMax": "2026-12-01T00:00:00Z"}
    assert (await mia("POST", "/calendar/v3/freeBusy", {**body, "items": [{"id": "primary"}]}))[0] == 403
    await mia.sign_in("https://www.googleapis.com/auth/calendar")
    _, found = await mia("POST", "/calendar/v3/freeBusy", {**body, "items": [{"id": "primary"}, {"id": "x"}]})
    assert found["calendars"]["primary"]["busy"] == [
        {"start": "2026-11-30T10:30:00.000Z", "end": "2026-11-30T11:00:00.000Z"}
    ]
    assert found["calendars"]["x"]["errors"][0]["reason"] == "notFound"
    assert (await mia("GET", "/calendar/v3/calendars/primary"))[1]["id"] == "mia@example.com"
    assert (await mia("GET", "/calendar/v3/users/me/calendarList"))[1]["items"][0]["primary"] is True
