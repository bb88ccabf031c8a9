"""The adapter against Google's rules, call by call; Google's own description checks every request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from plugins.google.tests.conftest import User, World

from rallypoint.domains.booking.api import (
    CalendarEvent,
    Changed,
    CursorExpired,
    ExternalRef,
    Gone,
    Watch,
    WatchRequest,
)
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater
from rallypoint.testing.google import rate_limited
from rallypoint_google.calendar import GoogleCalendar
from support import columns

pytestmark = columns.only_sqlite

START = 1_798_761_600_000
OURS = CalendarEvent(
    uid="abc123def456",
    appointment_id=7,
    summary="Appointment with Zoë",
    description="Notes",
    start=START,
    end=START + 1_800_000,
    timezone="Europe/London",
    attendees=("zoe@example.org",),
)
TEA = {
    "summary": "Tea",
    "start": {"dateTime": "2027-01-01T10:00:00Z"},
    "end": {"dateTime": "2027-01-01T11:00:00Z"},
}


class Bench:
    """The adapter, and Mia's connection."""

    def __init__(self, world: World, adapter: GoogleCalendar, connection: Any) -> None:
        self.world, self.adapter, self.connection = world, adapter, connection
        self.calendar = world.google.calendar()

    async def pages(self, position: str = "") -> list[Any]:
        return [page async for page in self.adapter.changes(self.connection, position)]


@pytest_asyncio.fixture
async def bench(world: World, connected: User) -> Bench:
    (plugin,) = (one for one in world.app.opening.plugins.loaded if one.name == "google")
    return Bench(world, plugin.ctx.once(GoogleCalendar), await connected.connection())


async def test_an_event_goes_there_and_comes_back(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    assert (made.id, made.appointment_key) == (OURS.uid, OURS.uid)
    assert (made.start, made.end, made.timezone) == (OURS.start, OURS.end, "Europe/London")
    assert (made.summary, made.description, made.attendees) == (
        OURS.summary,
        OURS.description,
        OURS.attendees,
    )
    assert (made.organizer_self, made.busy, made.all_day, made.recurring) == (True, True, False, False)
    assert await bench.adapter.get(bench.connection, OURS.uid) == made
    (page,) = await bench.pages()
    assert page.events == [made], "the same etag: an echo is known"


async def test_a_repeated_insert_finds_the_first(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    assert await bench.adapter.insert(bench.connection, OURS) == made
    bench.calendar.delete(OURS.uid)
    assert (await bench.adapter.insert(bench.connection, OURS)).status == "cancelled"


async def test_an_update_knows_what_it_changes(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    later = replace(OURS, start=START + 3_600_000, end=START + 5_400_000, summary="New")
    changed = await bench.adapter.update(bench.connection, made.ref, later)
    assert (changed.start, changed.summary, changed.etag != made.etag) == (later.start, "New", True)
    with pytest.raises(Changed) as told:
        await bench.adapter.update(bench.connection, made.ref, OURS)
    assert told.value.event == changed
    bench.calendar.delete(OURS.uid)
    with pytest.raises(Changed) as told:
        await bench.adapter.update(bench.connection, changed.ref, OURS)
    assert told.value.event.status == "cancelled"
    with pytest.raises(Gone):
        await bench.adapter.update(bench.connection, ExternalRef("unknown0", '"1"'), OURS)


async def test_guests_that_people_invite_there_stay(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    answered = {"email": "zoe@example.org", "responseStatus": "accepted"}
    there = bench.calendar.merge(made.id, {"attendees": [answered, {"email": "kim@example.org"}]})
    later = replace(OURS, start=START + 3_600_000, end=START + 5_400_000)
    moved = await bench.adapter.update(bench.connection, ExternalRef(made.id, there["etag"]), later)
    assert bench.calendar.get(made.id)["attendees"] == [answered, {"email": "kim@example.org"}]
    await bench.adapter.update(bench.connection, moved.ref, replace(later, attendees=("max@example.org",)))
    kept = bench.calendar.get(made.id)["attendees"]
    assert kept == [{"email": "kim@example.org"}, {"email": "max@example.org"}]


async def test_an_event_made_there_keeps_its_words(bench: Bench) -> None:
    made = bench.calendar.insert({**TEA, "location": "Kitchen", "attendees": [{"email": "a@example.org"}]})
    moved = await bench.adapter.update(
        bench.connection, ExternalRef(made["id"], made["etag"]), replace(OURS, only_time=True)
    )
    kept = bench.calendar.get(made["id"])
    assert (kept["summary"], kept["location"], kept["attendees"]) == (
        "Tea",
        "Kitchen",
        [{"email": "a@example.org"}],
    )
    assert (moved.start, moved.appointment_key) == (OURS.start, "")


async def test_an_all_day_event_can_be_given_a_time(bench: Bench) -> None:
    made = bench.calendar.insert({"start": {"date": "2027-01-01"}, "end": {"date": "2027-01-02"}})
    moved = await bench.adapter.update(
        bench.connection, ExternalRef(made["id"], made["etag"]), replace(OURS, only_time=True)
    )
    assert (moved.all_day, moved.start) == (False, OURS.start)


async def test_what_is_gone_is_gone(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    for _ in range(2):
        await bench.adapter.delete(bench.connection, made.ref)
    await bench.adapter.delete(bench.connection, ExternalRef("unknown0"))
    assert await bench.adapter.get(bench.connection, "unknown0") is None
    gone = await bench.adapter.get(bench.connection, OURS.uid)
    assert gone is not None
    assert (gone.status, gone.updated > made.updated) == ("cancelled", True)


async def test_changes_come_in_pages_that_can_be_gone_back_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = bench.adapter._settings.model_copy(update={"page_size": 2})
    monkeypatch.setattr(bench.adapter, "_settings", settings)
    for number in range(5):
        bench.calendar.insert({**TEA, "summary": str(number)})
    pages = await bench.pages()
    assert [[one.summary for one in page.events] for page in pages] == [["0", "1"], ["2", "3"], ["4"]]
    assert [bool(page.next_page) for page in pages] == [True, True, False]
    again = await bench.pages(pages[0].next_page)
    assert [[one.summary for one in page.events] for page in again] == [["2", "3"], ["4"]]
    assert await bench.pages(pages[-1].cursor) == [type(pages[0])([], "", pages[-1].cursor)]
    bench.calendar.insert({**TEA, "summary": "5"})
    (changed,) = await bench.pages(pages[-1].cursor)
    assert [one.summary for one in changed.events] == ["5"]
    bench.calendar.expire_sync_tokens()
    with pytest.raises(CursorExpired):
        await bench.pages(pages[-1].cursor)


async def test_old_events_are_not_read(bench: Bench) -> None:
    bench.calendar.insert({"start": {"date": "2020-01-01"}, "end": {"date": "2020-01-02"}})
    bench.calendar.insert(TEA)
    (page,) = await bench.pages()
    assert [one.summary for one in page.events] == ["Tea"]


async def test_long_texts_are_read_in_smaller_pages(bench: Bench) -> None:
    for number in range(60):
        bench.calendar.insert(
            {**TEA, "summary": str(number), "description": "ü" * (12_000 if number else 600_000)}
        )
    pages = await bench.pages()
    assert [len(page.events) for page in pages] == [1, 25, 34]
    assert max(len(one.description) for page in pages for one in page.events) <= 8_192


async def test_one_odd_event_does_not_hide_the_others(bench: Bench) -> None:
    bench.calendar.insert(TEA)
    odd = {
        "items": [
            {"id": "a", "start": {"dateTime": "noon"}},
            {"kind": "x"},
            {"id": "b", "organizer": "me"},
            7,
            {"id": "good"},
        ],
        "nextSyncToken": "t",
    }
    import json

    path = "/calendar/v3/calendars/primary/events"
    bench.world.google.fail(200, body=json.dumps(odd), path=path)
    (page,) = await bench.pages()
    assert [one.id for one in page.events] == ["good"]


@pytest.mark.parametrize("body", ["[]", '"text"', "{}", '{"items": {}}', "<html>", ""])
async def test_replies_that_are_no_lists_are_tried_again(bench: Bench, body: str) -> None:
    bench.world.google.fail(200, body=body, path="/calendar", times=3)
    with pytest.raises(RetryLater):
        await bench.pages()


async def test_refusals_are_told_apart(bench: Bench) -> None:
    google = bench.world.google
    google.fail(**rate_limited(403), path="/calendar")
    with pytest.raises(RetryLater):
        await bench.adapter.get(bench.connection, OURS.uid)
    google.fail(403, body='{"error": {"errors": [{"reason": "insufficientPermissions"}]}}', path="/calendar")
    with pytest.raises(NeedsReauth):
        await bench.adapter.get(bench.connection, OURS.uid)
    google.fail(403, body='{"error": {"errors": [{"reason": "forbidden"}]}}', path="/calendar")
    with pytest.raises(PermanentFailure):
        await bench.adapter.get(bench.connection, OURS.uid)
    with pytest.raises(PermanentFailure) as refused:
        await bench.adapter.insert(bench.connection, replace(OURS, uid="new0new0", attendees=("nobody",)))
    assert refused.value.status == 400


async def test_channels_open_and_close(bench: Bench) -> None:
    address = f"{bench.world.url}/integrations/google/notifications"
    before = datetime.now(UTC).timestamp() * 1000
    watch = await bench.adapter.watch(bench.connection, WatchRequest("channel-1", address, "token", 3600))
    assert abs(watch.expires_at - before - 3_600_000) < 60_000
    assert bench.world.google.channels.open["channel-1"].token == "token"
    await bench.adapter.unwatch(bench.connection, watch)
    assert "channel-1" not in bench.world.google.channels.open
    await bench.adapter.unwatch(bench.connection, watch)
    await bench.adapter.unwatch(bench.connection, Watch("never", "there", 0))
    bench.world.google.fail(200, body="{}", path="/calendar")
    with pytest.raises(RetryLater):
        await bench.adapter.watch(bench.connection, WatchRequest("channel-2", address, "token", 3600))
