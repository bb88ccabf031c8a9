"""The adapter against Graph's rules, call by call; Microsoft's own description checks every request."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from plugins.microsoft.tests.conftest import User, World

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
from rallypoint.testing.microsoft import throttled
from rallypoint.testing.microsoft.errors import error_body
from rallypoint.testing.microsoft.events import etag_of
from rallypoint_microsoft import subscriptions
from rallypoint_microsoft.calendar import OutlookCalendar
from support import columns

pytestmark = columns.only_sqlite

BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=9)
START = round(BEGIN.timestamp() * 1000)
VIEW = "/v1.0/me/calendarView"
OURS = CalendarEvent(
    uid="abc123def456",
    appointment_id=7,
    summary="Appointment with Zoë",
    description="Notes\n<b>&</b>",
    start=START,
    end=START + 1_800_000,
    timezone="Europe/London",
    attendees=("zoe@example.org",),
)


def at(moment: datetime, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": moment.replace(tzinfo=None).isoformat(), "timeZone": zone}


def event(subject: str = "Tea", start: datetime = BEGIN, **more: Any) -> dict[str, Any]:
    return {"subject": subject, "start": at(start), "end": at(start + timedelta(hours=1)), **more}


def days(zone: str = "UTC", **more: Any) -> dict[str, Any]:
    day = BEGIN.replace(hour=0)
    return {"isAllDay": True, "start": at(day, zone), "end": at(day + timedelta(days=1), zone), **more}


class Bench:
    """The adapter, and Mia's connection."""

    def __init__(self, world: World, adapter: OutlookCalendar, connection: Any) -> None:
        self.world, self.adapter, self.connection = world, adapter, connection
        self.calendar = world.microsoft.calendar()

    async def pages(self, position: str = "") -> list[Any]:
        return [page async for page in self.adapter._delta.changes(self.connection, position)]

    async def update(self, ref: ExternalRef, wanted: CalendarEvent) -> Any:
        return await self.adapter.update(self.connection, ref, wanted)

    async def fault(self, **fault: Any) -> None:
        self.world.microsoft.fail(**{"path": "/v1.0", **fault})


@pytest_asyncio.fixture
async def bench(world: World, connected: User) -> Bench:
    await world.quiet()
    world.microsoft.subscriptions.muted = True
    (plugin,) = (one for one in world.app.opening.plugins.loaded if one.name == "microsoft")
    return Bench(world, plugin.ctx.once(OutlookCalendar), await connected.connection())


async def test_an_event_goes_there_and_comes_back(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    assert (made.appointment_key, made.start, made.end) == (OURS.uid, OURS.start, OURS.end)
    assert made.timezone == "Europe/London"
    assert (made.summary, made.description, made.attendees) == (
        OURS.summary,
        OURS.description,
        OURS.attendees,
    )
    assert (made.organizer_self, made.busy, made.all_day, made.recurring) == (True, True, False, False)
    assert await bench.adapter.get(bench.connection, made.id) == made
    (page,) = await bench.pages()
    assert page.events == [made], "the same etag: an echo is known"


async def test_a_repeated_insert_finds_the_first(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    assert await bench.adapter.insert(bench.connection, OURS) == made
    later = replace(OURS, start=START + 3_600_000, end=START + 5_400_000)
    assert await bench.adapter.insert(bench.connection, later) == made, "another order under the same id"
    moved = bench.calendar.move(made.id, timedelta(hours=2))
    assert (await bench.adapter.insert(bench.connection, OURS)).etag == etag_of(moved)
    assert len(bench.calendar.events) == 1


async def test_an_update_knows_what_it_changes(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    later = replace(OURS, start=START + 3_600_000, end=START + 5_400_000, summary="New")
    changed = await bench.update(made.ref, later)
    assert (changed.start, changed.summary, changed.etag != made.etag) == (later.start, "New", True)
    with pytest.raises(Changed) as told:
        await bench.update(made.ref, OURS)
    assert told.value.event == changed
    bench.calendar.delete(made.id)
    with pytest.raises(Gone):
        await bench.update(changed.ref, OURS)


async def test_an_event_made_there_keeps_its_words(bench: Bench) -> None:
    guests = [{"emailAddress": {"address": "a@example.org", "name": "A"}, "type": "optional"}]
    made = bench.calendar.insert(event(location={"displayName": "Kitchen"}, attendees=guests))
    moved = await bench.update(ExternalRef(made["id"], etag_of(made)), replace(OURS, only_time=True))
    kept = bench.calendar.get(made["id"])
    assert (kept["subject"], kept["location"]["displayName"], kept["attendees"]) == ("Tea", "Kitchen", guests)
    assert (moved.start, moved.appointment_key) == (OURS.start, "")


async def test_an_all_day_event_can_be_given_a_time(bench: Bench) -> None:
    made = bench.calendar.insert(days())
    moved = await bench.update(ExternalRef(made["id"], etag_of(made)), replace(OURS, only_time=True))
    assert (moved.all_day, moved.start) == (False, OURS.start)


async def test_what_is_gone_is_gone(bench: Bench) -> None:
    made = await bench.adapter.insert(bench.connection, OURS)
    for _ in range(2):
        await bench.adapter.delete(bench.connection, made.ref)
    assert await bench.adapter.get(bench.connection, made.id) is None


async def test_changes_come_in_pages_that_can_be_gone_back_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = bench.adapter._delta._settings.model_copy(update={"page_size": 2})
    monkeypatch.setattr(bench.adapter._delta, "_settings", settings)
    for number in range(5):
        bench.calendar.insert(event(str(number)))
    pages = await bench.pages()
    assert [[one.summary for one in page.events] for page in pages] == [["0", "1"], ["2", "3"], ["4"]]
    assert [bool(page.next_page) for page in pages] == [True, True, False]
    again = await bench.pages(pages[0].next_page)
    assert [[one.summary for one in page.events] for page in again] == [["2", "3"], ["4"]]
    (quiet,) = await bench.pages(pages[-1].cursor)
    assert (quiet.events, quiet.next_page) == ([], "")
    bench.calendar.insert(event("5"))
    (changed,) = await bench.pages(pages[-1].cursor)
    assert [one.summary for one in changed.events] == ["5"]
    bench.calendar.forget()
    for position in (pages[-1].cursor, pages[0].next_page):
        with pytest.raises(CursorExpired):
            await bench.pages(position)


async def test_deleted_and_moved_out_of_sight_are_told_apart(bench: Bench) -> None:
    deleted, away = bench.calendar.insert(event("Deleted")), bench.calendar.insert(event("Away"))
    (page,) = await bench.pages()
    bench.calendar.delete(deleted["id"])
    moved = bench.calendar.move(away["id"], timedelta(days=600))
    bench.calendar.insert(event("Far", BEGIN + timedelta(days=700)))
    (after,) = await bench.pages(page.cursor)
    told = {one.id: (one.status, one.etag) for one in after.events}
    assert told[deleted["id"]] == ("cancelled", "")
    assert told[away["id"]] == ("confirmed", etag_of(moved)), "Graph calls it removed, and still has it"


async def test_the_window_moves_on(bench: Bench) -> None:
    (page,) = await bench.pages()
    place = json.loads(page.cursor)
    with pytest.raises(CursorExpired):
        await bench.pages(json.dumps({**place, "until": 1}))
    await bench.pages()
    query = bench.world.microsoft.received("GET", f"{VIEW}/delta")[-1].query
    begins, ends = (datetime.fromisoformat(query[name]) for name in ("startDateTime", "endDateTime"))
    assert (ends - begins).days == 430


async def test_series_only_take_time_and_say_so_of_each_occurrence(bench: Bench) -> None:
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]}
    weekly = {"pattern": pattern, "range": {"type": "numbered", "numberOfOccurrences": 3}}
    bench.calendar.insert(event("Free", recurrence=weekly, showAs="free"))
    bench.calendar.insert(event("Busy", recurrence=weekly))
    (page,) = await bench.pages()
    assert all(one.recurring for one in page.events)
    busy = [one for one in page.events if one.busy]
    assert [one.summary for one in busy] == ["Busy"] * 3
    assert [(one.start or 0) - START for one in busy] == [0, 604_800_000, 1_209_600_000]
    exception = bench.calendar.move(busy[1].id, timedelta(hours=1))
    (after,) = await bench.pages(page.cursor)
    assert [(one.id, one.recurring, one.busy) for one in after.events] == [(exception["id"], True, True)]


async def test_occurrences_whose_master_is_not_listed_ask_for_it(bench: Bench) -> None:
    weekly = {
        "pattern": {"type": "weekly", "interval": 1},
        "range": {"type": "numbered", "numberOfOccurrences": 2},
    }
    master = bench.calendar.insert(event("Out", recurrence=weekly, showAs="oof"))
    (page,) = await bench.pages()
    second = [one["id"] for one in bench.calendar.events.values() if one["type"] == "occurrence"][1]
    bench.calendar.log.append(second)
    (after,) = await bench.pages(page.cursor)
    (one,) = after.events
    assert (one.id, one.summary, one.busy, one.recurring) == (second, "Out", True, True)
    assert bench.world.microsoft.received("GET", f"/v1.0/me/events/{master['id']}")


@pytest.mark.parametrize(
    ("zone", "hours"), [("Nepal Standard Time", -5.75), ("Hawaiian Standard Time", 10), ("UTC", 0)]
)
async def test_all_day_events_are_days_where_they_were_made(bench: Bench, zone: str, hours: float) -> None:
    bench.calendar.insert(days(zone))
    (page,) = await bench.pages()
    (one,) = page.events
    midnight = BEGIN.replace(hour=0) + timedelta(hours=hours)
    assert (one.all_day, one.start) == (True, round(midnight.timestamp() * 1000))
    assert (one.end or 0) - (one.start or 0) == 86_400_000


async def test_what_takes_no_time_is_known(bench: Bench) -> None:
    for shown in ("free", "workingElsewhere", "busy", "tentative", "oof"):
        bench.calendar.insert(event(shown, showAs=shown))
    bench.calendar.insert(event("invited"), organizer="noa@example.com")
    declined = bench.calendar.insert(event("declined"), organizer="noa@example.com")
    declined["responseStatus"]["response"] = "declined"
    off = bench.calendar.insert(event("called off"), organizer="noa@example.com")
    off["isCancelled"] = True
    (page,) = await bench.pages()
    busy = {one.summary for one in page.events if one.busy and one.status == "confirmed"}
    assert busy == {"busy", "tentative", "oof", "invited"}
    assert [one.summary for one in page.events if not one.organizer_self] == [
        "invited",
        "declined",
        "called off",
    ]


async def test_long_texts_are_read_in_smaller_pages(bench: Bench) -> None:
    for number in range(60):
        long = {"contentType": "text", "content": "x" * (100_000 if number else 500_000)}
        bench.calendar.insert(event(str(number), body=long))
    pages = await bench.pages()
    assert sum(len(page.events) for page in pages) == 60
    assert max(len(one.description) for page in pages for one in page.events) <= 8_192


async def test_one_odd_event_does_not_hide_the_others(bench: Bench) -> None:
    link = f"{bench.world.microsoft.url}/v1.0/me/calendarView/delta?$deltatoken=t"
    odd = [{"id": "a", "start": {"dateTime": "noon"}}, {"kind": "x"}, 7, {"id": "good"}]
    await bench.fault(status=200, body=json.dumps({"value": odd, "@odata.deltaLink": link}))
    (page,) = await bench.pages()
    assert [one.id for one in page.events] == ["good"]


@pytest.mark.parametrize(
    "body",
    ["[]", '"text"', "{}", '{"value": {}}', "<html>", "", '{"value": []}'],
)
async def test_replies_that_are_no_lists_are_tried_again(bench: Bench, body: str) -> None:
    await bench.fault(status=200, body=body, times=3)
    with pytest.raises(RetryLater):
        await bench.pages()


@pytest.mark.parametrize("link", ["https://evil.example.com/v1.0/me/x?$deltatoken=t", "/v1.0/x", "file:///x"])
async def test_links_that_lead_elsewhere_are_not_followed(bench: Bench, link: str) -> None:
    await bench.fault(status=200, body=json.dumps({"value": [], "@odata.nextLink": link}))
    with pytest.raises(RetryLater):
        await bench.pages()


async def test_refusals_are_told_apart(bench: Bench) -> None:
    async def get() -> Any:
        return await bench.adapter.get(bench.connection, "some")

    await bench.fault(**throttled(30))
    with pytest.raises(RetryLater) as waits:
        await get()
    assert waits.value.after == 30


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "ErrorAccessDenied", NeedsReauth),
        (403, "ErrorSomethingElse", PermanentFailure),
        (409, "ConcurrentItemSave", RetryLater),
        (404, "ResourceNotFound", None),
    ],
)
async def test_refusals_by_their_code(
    bench: Bench, status: int, code: str, error: type[Exception] | None
) -> None:
    await bench.fault(status=status, body=json.dumps(error_body(code, "x")))
    if error is None:
        assert await bench.adapter.get(bench.connection, "some") is None
        return
    with pytest.raises(error):
        await bench.adapter.get(bench.connection, "some")


async def test_what_graph_does_not_take_is_refused_for_good(bench: Bench) -> None:
    with pytest.raises(PermanentFailure) as refused:
        await bench.adapter.insert(bench.connection, replace(OURS, attendees=("nobody",)))
    assert (refused.value.status, refused.value.reason_code) == (400, "ErrorInvalidRecipients")


async def test_subscriptions_open_live_on_and_close(bench: Bench) -> None:
    address = f"{bench.world.url}{subscriptions.NOTIFICATIONS}"
    request = WatchRequest("channel-1", address, "t" * 64, 7 * 86_400)
    before = datetime.now(UTC).timestamp() * 1000
    opened = await subscriptions.watch(bench.connection, request)
    assert opened.resource_id == opened.external_id
    assert abs(opened.expires_at - before - 4_230 * 60_000) < 60_000
    kept = bench.world.microsoft.subscriptions.open[opened.external_id]
    assert kept.body["clientState"] == f"channel-1.{'t' * 64}"
    renewed = await subscriptions.renew(bench.connection, opened, request)
    assert renewed.external_id == opened.external_id
    assert renewed.expires_at > opened.expires_at
    for _ in range(2):
        await subscriptions.unwatch(bench.connection, opened)
    assert opened.external_id not in bench.world.microsoft.subscriptions.open
    with pytest.raises(PermanentFailure) as gone:
        await subscriptions.renew(bench.connection, opened, request)
    assert gone.value.status == 404
    await bench.fault(status=201, body="{}")
    with pytest.raises(RetryLater):
        await subscriptions.watch(bench.connection, request)
    await subscriptions.unwatch(bench.connection, Watch("never", "there", 0))


async def test_an_address_that_does_not_answer_the_handshake_opens_nothing(bench: Bench) -> None:
    address = f"{bench.world.url}/integrations/microsoft/callback"
    with pytest.raises(PermanentFailure):
        await subscriptions.watch(bench.connection, WatchRequest("channel-1", address, "t", 3600))
