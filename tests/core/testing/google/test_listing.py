"""Listings: pages, sync tokens, recurring events; nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.testing.google.conftest import Asker
from rallypoint.testing.google import GoogleFake
from rallypoint.testing.google.api import ApiCall
from rallypoint.testing.google.events import Calendar
from rallypoint.testing.google.listing import list_events

EVENTS = "/calendar/v3/calendars/primary/events"
DAY = datetime(2026, 11, 30, 10, tzinfo=UTC)


def event(summary: str = "Tea", day: int = 0, **more: Any) -> dict[str, Any]:
    start = DAY + timedelta(days=day)
    times = {
        name: {"dateTime": at.isoformat(), "timeZone": "Europe/Berlin"}
        for name, at in (("start", start), ("end", start + timedelta(hours=1)))
    }
    return {"summary": summary, **times, **more}


async def test_a_listing_goes_on_where_it_stopped(mia: Asker, google: GoogleFake) -> None:
    for number in range(5):
        google.calendar().insert(event(str(number), number))
    _, first = await mia("GET", EVENTS, maxResults="2")
    assert ([item["summary"] for item in first["items"]], "nextSyncToken" in first) == (["0", "1"], False)
    google.calendar().insert(event("while listing"))
    _, second = await mia("GET", EVENTS, maxResults="2", pageToken=first["nextPageToken"])
    _, third = await mia("GET", EVENTS, maxResults="2", pageToken=second["nextPageToken"])
    assert [item["summary"] for item in [*second["items"], *third["items"]]] == ["2", "3", "4"]
    _, changed = await mia("GET", EVENTS, syncToken=third["nextSyncToken"])
    assert [item["summary"] for item in changed["items"]] == ["while listing"]
    _, nothing = await mia("GET", EVENTS, syncToken=changed["nextSyncToken"])
    assert nothing["items"] == []


async def test_deleted_events_come_with_a_sync_token(mia: Asker, google: GoogleFake) -> None:
    mine = google.calendar().insert(event("mine"))
    theirs = google.calendar().insert(event("theirs"), organizer="noa@example.com")
    _, listed = await mia("GET", EVENTS)
    google.calendar().delete(mine["id"])
    google.calendar().delete(theirs["id"])
    _, changed = await mia("GET", EVENTS, syncToken=listed["nextSyncToken"])
    own, foreign = changed["items"]
    assert (own["status"], own["summary"]) == ("cancelled", "mine")
    assert set(foreign) == {"kind", "etag", "id", "status"}, "Google promises no more"
    assert (await mia("GET", EVENTS))[1]["items"] == []
    assert len((await mia("GET", EVENTS, showDeleted="true"))[1]["items"]) == 2


async def test_tokens_grow_old_and_stay_with_their_question(mia: Asker, google: GoogleFake) -> None:
    _, listed = await mia("GET", EVENTS, singleEvents="true", timeMin="2026-01-01T00:00:00Z")
    token = listed["nextSyncToken"]
    assert (await mia("GET", EVENTS, singleEvents="true", syncToken=token))[0] == 200
    assert (await mia("GET", EVENTS, syncToken=token))[0] == 400, "singleEvents must match"
    for name, value in (("timeMin", "2026-01-01T00:00:00Z"), ("q", "tea"), ("orderBy", "updated")):
        status, _ = await mia("GET", EVENTS, singleEvents="true", syncToken=token, **{name: value})
        assert status == 400, name
    google.calendar().expire_sync_tokens()
    status, refusal = await mia("GET", EVENTS, singleEvents="true", syncToken=token)
    assert (status, refusal["error"]["errors"][0]["reason"]) == (410, "fullSyncRequired")
    await mia.sign_in(email="noa@example.com")
    assert (await mia("GET", EVENTS, singleEvents="true", syncToken=token))[0] == 400, "another's token"


async def test_a_search_brings_no_sync_token(mia: Asker, google: GoogleFake) -> None:
    google.calendar().insert(event("Tea", extendedProperties={"private": {"key": "a"}}))
    google.calendar().insert(event("Coffee", -40))
    _, found = await mia("GET", EVENTS, privateExtendedProperty="key=a")
    assert ([item["summary"] for item in found["items"]], "nextSyncToken" in found) == (["Tea"], False)
    _, found = await mia("GET", EVENTS, q="coff")
    assert [item["summary"] for item in found["items"]] == ["Coffee"]
    _, found = await mia("GET", EVENTS, orderBy="startTime", singleEvents="true")
    assert [item["summary"] for item in found["items"]] == ["Coffee", "Tea"]
    _, found = await mia("GET", EVENTS, timeMin="2026-11-01T00:00:00Z")
    assert [item["summary"] for item in found["items"]] == ["Tea"]


async def test_recurring_events_by_themselves_or_by_instance(mia: Asker, google: GoogleFake) -> None:
    calendar = google.calendar()
    weekly = calendar.insert(
        event("Weekly", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20261207T100000Z"])
    )
    _, masters = await mia("GET", EVENTS)
    assert [item["id"] for item in masters["items"]] == [weekly["id"]]
    _, single = await mia("GET", EVENTS, singleEvents="true")
    starts = {item["start"]["dateTime"]: item for item in single["items"]}
    assert set(starts) == {
        "2026-11-30T11:00:00+01:00",
        "2026-12-07T11:00:00+01:00",
        "2026-12-14T11:00:00+01:00",
    }
    assert {item["recurringEventId"] for item in single["items"]} == {weekly["id"]}

    moved = starts["2026-12-07T11:00:00+01:00"]["id"]
    calendar.merge(moved, {"end": {"dateTime": "2026-12-07T13:00:00+01:00"}})
    _, changed = await mia("GET", EVENTS, singleEvents="true", syncToken=single["nextSyncToken"])
    assert [item["id"] for item in changed["items"]] == [moved]
    calendar.merge(weekly["id"], {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]})
    _, fewer = await mia("GET", EVENTS, singleEvents="true", syncToken=changed["nextSyncToken"])
    assert {(item["originalStartTime"]["dateTime"][:10], item["status"]) for item in fewer["items"]} == {
        ("2026-11-30", "confirmed"),
        ("2026-12-14", "cancelled"),
    }
    calendar.delete(weekly["id"])
    _, gone = await mia("GET", EVENTS, singleEvents="true", syncToken=fewer["nextSyncToken"])
    assert {item["status"] for item in gone["items"]} == {"cancelled"}


async def test_a_whole_day_and_a_change_of_the_clocks(mia: Asker, google: GoogleFake) -> None:
    google.calendar().insert(
        {
            "start": {"date": "2026-10-24"},
            "end": {"date": "2026-10-25"},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"],
        }
    )
    _, listed = await mia("GET", EVENTS, singleEvents="true")
    assert [item["start"] for item in listed["items"]] == [{"date": "2026-10-24"}, {"date": "2026-10-25"}]
    google.calendar().insert(
        {
            "start": {"dateTime": "2026-10-24T09:00:00", "timeZone": "Europe/Berlin"},
            "end": {"dateTime": "2026-10-24T10:00:00", "timeZone": "Europe/Berlin"},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"],
        }
    )
    _, listed = await mia("GET", EVENTS, singleEvents="true", syncToken=listed["nextSyncToken"])
    starts = [item["start"]["dateTime"] for item in listed["items"]]
    assert starts == ["2026-10-24T09:00:00+02:00", "2026-10-25T09:00:00+01:00"]


async def test_parts_of_a_reply(mia: Asker, google: GoogleFake) -> None:
    google.calendar().insert(event("Tea"))
    _, part = await mia("GET", EVENTS, fields="timeZone,items(summary,start/timeZone)")
    assert part == {"timeZone": "UTC", "items": [{"summary": "Tea", "start": {"timeZone": "Europe/Berlin"}}]}


def ask(calendar: Calendar, **query: str) -> dict[str, Any]:
    repeated = {name: [value] for name, value in query.items()}
    return list_events(calendar, ApiCall("a@example.com", {}, query, repeated, {}, {}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["insert", "move", "delete", "page", "look"]), st.integers(0, 9))))
def test_a_client_that_listens_knows_everything(steps: list[tuple[str, int]]) -> None:
    calendar, known = Calendar("a@example.com"), {}
    query: dict[str, str] = {}

    def page() -> None:
        reply = ask(calendar, maxResults="2", **query)
        for item in reply["items"]:
            known[item["id"]] = (item["status"], item.get("start"))
        query.pop("pageToken", None)
        if "nextPageToken" in reply:
            query["pageToken"] = reply["nextPageToken"]
        else:
            query["syncToken"] = reply["nextSyncToken"]

    for what, number in steps:
        ids = list(calendar.events)
        if what == "insert":
            calendar.insert(event(str(number), number))
        elif what in ("page", "look"):
            page()
        elif ids and calendar.events[ids[number % len(ids)]]["status"] != "cancelled":
            chosen = ids[number % len(ids)]
            calendar.delete(chosen) if what == "delete" else calendar.merge(chosen, event("moved", -number))
    page()
    while "pageToken" in query:
        page()
    page()
    while "pageToken" in query:
        page()
    there = {id_: (one["status"], one["start"]) for id_, one in calendar.events.items()}
    assert alive(known) == alive(there)


def alive(events: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    return {id_: seen for id_, seen in events.items() if seen[0] != "cancelled"}
