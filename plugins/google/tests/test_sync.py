"""A calendar and its appointments over the wire: both directions, and everything that goes wrong between."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from plugins.google.tests.conftest import NOON, User, World

from rallypoint.errors import RetryLater
from rallypoint.testing.google import rate_limited
from rallypoint.testing.google.events import Resource
from rallypoint.testing.waiting import eventually

EVENTS = "/calendar/v3/calendars/primary/events"
HALF = timedelta(minutes=30)


def at(moment: Any) -> dict[str, str]:
    return {"dateTime": moment.isoformat(), "timeZone": "UTC"}


def event(summary: str = "Tea", start: Any = NOON, length: timedelta = HALF, **more: Any) -> dict[str, Any]:
    return {"summary": summary, "start": at(start), "end": at(start + length), **more}


def day(number: int) -> dict[str, str]:
    return {"date": f"{NOON + timedelta(days=number):%Y-%m-%d}"}


def standing(world: World) -> list[Resource]:
    """What Mia sees in her calendar, by time."""
    every = world.google.calendar().events.values()
    return sorted((one for one in every if one["status"] != "cancelled"), key=lambda one: str(one["start"]))


async def in_google(world: World, count: int = 1) -> list[Resource]:
    async def seen() -> list[Resource]:
        return standing(world)

    return await eventually(seen, lambda found: len(found) == count)


async def here(user: User, count: int) -> list[Any]:
    async def confirmed() -> list[Any]:
        return [one for one in await user.appointments() if one["status"] == "confirmed"]

    return await eventually(confirmed, lambda found: len(found) == count)


async def test_an_appointment_is_written_moved_and_deleted(world: World, connected: User) -> None:
    booked = await connected.book("Zoë Doe", customerEmail="zoe@example.org", notes='<b>&</b>\n"ü"')
    (made,) = await in_google(world)
    assert made["summary"] == "Appointment with Zoë Doe"
    assert made["description"].endswith('Notes: <b>&</b>\n"ü"')
    assert made["attendees"] == [{"email": "zoe@example.org"}]

    later = NOON + timedelta(hours=5)
    await connected.ok("PATCH", f"/api/appointments/{booked['id']}", {"scheduledAt": later.isoformat()})

    async def moved() -> bool:
        return standing(world)[0]["start"] == {**at(later), "dateTime": f"{later:%Y-%m-%dT%H:%M:%SZ}"}

    await eventually(moved)
    await connected.ok("POST", f"/api/appointments/{booked['id']}/cancel", {})
    await in_google(world, 0)
    await world.quiet()
    assert len(world.google.calendar().events) == 1


async def test_one_way_imports_nothing_and_blocks_the_time(world: World, connected: User) -> None:
    world.google.calendar().insert(event("Dentist"))
    await connected.sync()
    assert await connected.appointments() == []
    blocks = await world.rows("SELECT start_at, end_at FROM booking_busy_blocks")
    assert [(row["start_at"], row["end_at"]) for row in blocks] == [
        (round(NOON.timestamp() * 1000), round((NOON + HALF).timestamp() * 1000))
    ]


async def test_two_way_takes_what_its_owner_makes_moves_and_deletes(world: World, connected: User) -> None:
    await connected.two_way()
    await world.quiet()
    calendar = world.google.calendar()
    made = calendar.insert(event("Haircut", attendees=[{"email": "zoe@example.org", "displayName": "Zoë"}]))
    (appointment,) = await here(connected, 1)
    assert appointment["customerEmail"] == "zoe@example.org"
    calendar.merge(made["id"], event("Haircut", NOON + timedelta(hours=1)))

    async def start() -> Any:
        return (await connected.appointments())[0]["scheduledAt"]

    await eventually(start, lambda text: text.startswith(f"{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M}"))
    calendar.delete(made["id"])
    await here(connected, 0)
    await world.quiet()
    assert [one["status"] for one in await connected.appointments()] == ["cancelled"]
    writes = [
        one
        for one in world.google.requests
        if one.method in ("POST", "PATCH", "DELETE") and EVENTS in one.path
    ]
    assert [one.path for one in writes if not one.path.endswith("/watch")] == [], (
        "nothing of it is echoed back"
    )


@pytest.mark.parametrize(
    "made",
    [
        {
            "summary": "Holiday",
            "start": {"date": f"{NOON:%Y-%m-%d}"},
            "end": {"date": f"{NOON + timedelta(days=1):%Y-%m-%d}"},
        },
        event("Weekly", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"]),
    ],
    ids=["all-day", "recurring"],
)
async def test_what_cannot_be_an_appointment_takes_its_time(world: World, connected: User, made: Any) -> None:
    await connected.two_way()
    await world.quiet()
    world.google.calendar().time_zone = "Asia/Kathmandu"
    world.google.calendar().insert(made)

    async def blocks() -> Any:
        return await world.rows("SELECT start_at, end_at FROM booking_busy_blocks ORDER BY start_at")

    found = await eventually(blocks)
    assert await connected.appointments() == []
    if "recurrence" in made:
        assert len(found) == 3
    else:  # from midnight in Kathmandu, 5 h 45 min before ours
        assert (found[0]["start_at"] // 60_000) % 1440 == 18 * 60 + 15
        assert found[0]["end_at"] - found[0]["start_at"] == 86_400_000


async def test_what_takes_no_time_is_left_out(world: World, connected: User) -> None:
    calendar = world.google.calendar()
    calendar.insert(event("Free", transparency="transparent"))
    calendar.insert(
        event(
            "Declined", attendees=[{"email": "mia@example.com", "self": True, "responseStatus": "declined"}]
        )
    )
    calendar.insert(event("Away", eventType="workingLocation"))
    calendar.insert(event("Busy"), organizer="noa@example.com")
    await connected.two_way()
    await connected.sync()
    assert await connected.appointments() == [], "what somebody else organises is not ours to take over"
    assert len(await world.rows("SELECT id FROM booking_busy_blocks")) == 1


async def test_announcements_repeated_late_forged_and_of_stopped_channels(
    world: World, connected: User
) -> None:
    await connected.two_way()
    await world.quiet()
    (channel,) = world.google.channels.open
    notifications = f"{world.url}/integrations/google/notifications"
    for number in ("7", "7", "3", "8"):
        world.google.channels.send(channel, X_Goog_Message_Number=number)
    await world.quiet()
    receipts = await world.rows("SELECT delivery_id FROM webhook_receipts WHERE provider = 'google_calendar'")
    assert sorted(row["delivery_id"].rpartition("/")[2] for row in receipts)[-3:] == ["3", "7", "8"]

    world.google.channels.send(channel, X_Goog_Channel_Token="wrong", X_Goog_Message_Number="99")
    await world.quiet()
    headers = {"X-Goog-Channel-ID": channel, "X-Goog-Resource-State": "exists", "X-Goog-Message-Number": "99"}
    async with world.session.post(notifications, headers=headers) as unsigned:
        assert unsigned.status == 401
    async with world.session.post(
        notifications, headers={**headers, "X-Goog-Channel-Token": "é" * 32}
    ) as forged:
        assert forged.status == 401
    assert not await world.rows("SELECT id FROM webhook_receipts WHERE delivery_id LIKE '%/99'")

    looked = len(world.google.received("GET", EVENTS))
    await connected.ok("DELETE", "/integrations/google/disconnect")
    world.google.channels.send(channel, X_Goog_Message_Number="100")
    await world.google.channels.quiet()

    async def handled() -> Any:
        return await world.rows(
            "SELECT id FROM webhook_receipts WHERE delivery_id LIKE '%/100' AND state = 'handled'"
        )

    await eventually(handled)
    assert len(world.google.received("GET", EVENTS)) == looked, "a stopped channel moves nobody"


async def test_lost_announcements_are_made_up_for(world: World, connected: User) -> None:
    await connected.two_way()
    await world.quiet()
    world.google.channels.muted = True
    world.google.calendar().insert(event())
    await connected.sync()
    await here(connected, 1)


@pytest.mark.parametrize("env", [{"RALLYPOINT_GOOGLE_PAGE_SIZE": "10"}], ids=["pages-of-ten"])
async def test_a_look_that_is_cut_off_in_a_page_loses_and_doubles_nothing(
    world: World, connected: User
) -> None:
    await connected.two_way()
    await world.quiet()
    calendar, world.google.channels.muted = world.google.calendar(), True
    for number in range(40):
        calendar.insert(event(f"Event {number}", NOON + timedelta(hours=number)))
    calendar.expire_sync_tokens()
    world.google.requests.clear()
    world.google.fail(cut_after=2_000, path=EVENTS, skip=3, times=3)
    with pytest.raises(RetryLater):
        await connected.sync()
    assert len(await connected.appointments()) == 20
    await connected.sync()

    assert len(await connected.appointments()) == len(standing(world)) == 40
    asked = [dict(one.query) for one in world.google.received("GET", EVENTS)]
    pages = [one.get("pageToken", "") for one in asked if "syncToken" not in one]
    assert [pages.count(one) for one in dict.fromkeys(pages)] == [1, 1, 4, 1], "it went on where it broke"
    await connected.sync()
    assert len(await connected.appointments()) == len(standing(world)) == 40


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "times": 3},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {**rate_limited(429), "headers": {"Retry-After": "1"}},
        {"delay": 0.5},
        {"cut": True},
        {"cut": True, "times": 4},
    ],
    ids=["500", "503", "429", "429-google", "slow", "reply-lost", "reply-lost-often"],
)
async def test_a_write_that_goes_wrong_is_done_once_in_the_end(
    world: World, connected: User, fault: dict[str, Any]
) -> None:
    world.google.fail(**fault, path=EVENTS)
    await connected.book()
    await in_google(world)
    await world.quiet()
    assert len(world.google.calendar().events) == 1
    assert (await connected.connection()).state == "connected"


async def test_a_used_up_quota_waits_and_is_no_fault_of_the_user(world: World, connected: User) -> None:
    world.google.fail(**rate_limited(403), path=EVENTS)
    await connected.book()

    async def waiting() -> Any:
        return await world.rows(
            "SELECT failures, next_at FROM booking_calendar_links WHERE next_at IS NOT NULL"
        )

    (link,) = await eventually(waiting, lambda rows: rows and rows[0]["failures"] == 0)
    assert (await connected.connection()).state == "connected"
    assert link["next_at"] > 0


async def test_google_forgets_where_we_were(world: World, connected: User) -> None:
    await connected.two_way()
    calendar = world.google.calendar()
    kept, lost = calendar.insert(event("Kept")), calendar.insert(event("Lost", NOON + timedelta(hours=2)))
    await connected.book("Ours", NOON + timedelta(hours=4))
    await here(connected, 3)
    await world.quiet()
    world.google.channels.muted = True
    calendar.expire_sync_tokens()
    calendar.delete(lost["id"])
    calendar.insert(event("New", NOON + timedelta(hours=6)))
    await connected.sync()
    names = {one["customerName"] for one in await here(connected, 3)}
    assert names == {"Kept", "Ours", "New"}
    assert calendar.get(kept["id"])["sequence"] == 0, "nothing was written for it"


async def test_both_sides_change_at_once_and_the_newer_one_stands(world: World, connected: User) -> None:
    await connected.two_way()
    booked = await connected.book()
    (ours,) = await in_google(world)
    await world.quiet()
    world.google.channels.muted = True
    calendar, path = world.google.calendar(), f"/api/appointments/{booked['id']}"

    there, later = NOON + timedelta(hours=3), NOON + timedelta(hours=6)
    world.google.fail(503, path=EVENTS, times=3)
    await connected.ok("PATCH", path, {"scheduledAt": later.isoformat()})
    await asyncio.sleep(0.05)
    calendar.merge(ours["id"], event(ours["summary"], there))
    world.google.faults.clear()
    await connected.sync()

    async def when() -> str:
        return str((await connected.ok("GET", path))["scheduledAt"])[:16]

    await eventually(when, lambda text: text == f"{there:%Y-%m-%dT%H:%M}")
    await world.quiet()
    assert standing(world)[0]["start"]["dateTime"][:16] == f"{there:%Y-%m-%dT%H:%M}"

    world.google.fail(503, path=EVENTS, times=3)
    calendar.merge(ours["id"], event(ours["summary"], NOON + timedelta(hours=9)))
    await asyncio.sleep(0.05)
    await connected.ok("PATCH", path, {"scheduledAt": later.isoformat()})
    world.google.faults.clear()
    await connected.sync()

    async def start() -> str:
        return str(standing(world)[0]["start"]["dateTime"])[:16]

    await eventually(start, lambda text: text == f"{later:%Y-%m-%dT%H:%M}")
    assert await when() == f"{later:%Y-%m-%dT%H:%M}"
    timeline = (await connected.ok("GET", "/api/v1/connections/google_calendar/timeline"))["data"]
    assert sum(entry["kind"] == "conflict" for entry in timeline["log"]) == 2


async def test_an_expired_token_is_refreshed_once(world: World, connected: User) -> None:
    await world.quiet()
    world.google.grants.expire_access()
    await asyncio.gather(*(connected.book(f"Guest {n}", NOON + timedelta(hours=n)) for n in range(5)))
    await in_google(world, 5)
    assert world.google.grants.token_requests["refresh_token"] == 1


async def test_a_withdrawn_grant_waits_for_its_owner_and_catches_up(world: World, connected: User) -> None:
    await connected.two_way()
    await world.quiet()
    world.google.grants.withdraw("mia@example.com")
    await connected.book("Missed")

    async def state() -> str:
        return (await connected.connection()).state

    await eventually(state, lambda one: one == "needs_reauth")
    assert await world.told("connection.needs_reauth") == 1
    world.google.calendar().insert(event("Meanwhile", NOON + timedelta(hours=3)))
    await connected.connect()
    await in_google(world, 2)
    assert {one["customerName"] for one in await here(connected, 2)} == {"Missed", "Meanwhile"}
    assert (await world.told("connection.needs_reauth"), await world.told("connection.recovered")) == (1, 1)
