"""A calendar and its appointments over the wire: both directions, and everything that goes wrong between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plugins.microsoft.tests.conftest import NOON, User, World, ms

from rallypoint.testing.microsoft import throttled
from rallypoint.testing.microsoft.events import Resource
from rallypoint.testing.microsoft.view import span
from rallypoint.testing.waiting import eventually

EVENTS, VIEW = "/v1.0/me/events", "/v1.0/me/calendarView/delta"
HALF = timedelta(minutes=30)


def at(moment: datetime, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": moment.replace(tzinfo=None).isoformat(), "timeZone": zone}


def event(subject: str = "Tea", start: datetime = NOON, length: timedelta = HALF, **more: Any) -> Any:
    return {"subject": subject, "start": at(start), "end": at(start + length), **more}


def standing(world: World) -> list[Resource]:
    """What Mia sees in her calendar, by time."""
    return sorted(world.microsoft.calendar().events.values(), key=span)


async def in_outlook(world: World, count: int = 1) -> list[Resource]:
    async def seen() -> list[Resource]:
        return standing(world)

    return await eventually(seen, lambda found: len(found) == count)


async def here(user: User, count: int) -> list[Any]:
    async def confirmed() -> list[Any]:
        return [one for one in await user.appointments() if one["status"] == "confirmed"]

    return await eventually(confirmed, lambda found: len(found) == count)


async def test_an_appointment_is_written_moved_and_deleted(world: World, connected: User) -> None:
    booked = await connected.book("Zoë Doe", customerEmail="zoe@example.org", notes='<b>&</b>\n"ü"')
    (made,) = await in_outlook(world)
    assert made["subject"] == "Appointment with Zoë Doe"
    assert made["body"]["content"].endswith('Notes: <b>&</b>\n"ü"')
    assert [one["emailAddress"]["address"] for one in made["attendees"]] == ["zoe@example.org"]

    later = NOON + timedelta(hours=5)
    await connected.ok("PATCH", f"/api/appointments/{booked['id']}", {"scheduledAt": later.isoformat()})

    async def moved() -> bool:
        return span(standing(world)[0]) == (later, later + HALF)

    await eventually(moved)
    await connected.ok("POST", f"/api/appointments/{booked['id']}/cancel", {})
    await in_outlook(world, 0)


async def test_times_are_on_the_practitioners_clock(world: World, connected: User) -> None:
    body = {"name": "Dr Rana", "email": "rana@example.com", "timezone": "Asia/Kathmandu"}
    practitioner = await connected.ok("POST", "/api/practitioners", body)
    await connected.book("Pilgrim", practitionerId=practitioner["id"])
    (made,) = await in_outlook(world)
    assert made["start"]["timeZone"] == "Nepal Standard Time"
    assert span(made) == (NOON, NOON + HALF)


async def test_one_way_imports_nothing_and_blocks_the_time(world: World, connected: User) -> None:
    world.microsoft.calendar().insert(event("Dentist"))
    await world.quiet()
    await connected.sync()
    assert await connected.appointments() == []
    blocks = await world.rows("SELECT start_at, end_at FROM booking_busy_blocks")
    assert [(row["start_at"], row["end_at"]) for row in blocks] == [(ms(NOON), ms(NOON + HALF))]


async def test_two_way_takes_what_its_owner_makes_moves_and_deletes(world: World, connected: User) -> None:
    await connected.two_way()
    await world.quiet()
    calendar = world.microsoft.calendar()
    guest = {"emailAddress": {"address": "zoe@example.org", "name": "Zoë"}, "type": "required"}
    made = calendar.insert(event("Haircut", attendees=[guest]))
    (appointment,) = await here(connected, 1)
    assert appointment["customerEmail"] == "zoe@example.org"
    calendar.move(made["id"], timedelta(hours=1))

    async def start() -> Any:
        return (await connected.appointments())[0]["scheduledAt"]

    await eventually(start, lambda text: text.startswith(f"{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M}"))
    calendar.delete(made["id"])
    await here(connected, 0)
    await world.quiet()
    assert [one["status"] for one in await connected.appointments()] == ["cancelled"]
    writes = [one for one in world.microsoft.requests if one.path.startswith(EVENTS) and one.method != "GET"]
    assert writes == [], "nothing of it is echoed back"


async def test_an_appointment_far_ahead_is_not_cancelled_because_it_is_out_of_sight(
    world: World, connected: User
) -> None:
    await connected.two_way()
    await connected.book()
    (ours,) = await in_outlook(world)
    await world.quiet()
    away = NOON + timedelta(days=700)
    world.microsoft.calendar().move(ours["id"], away - NOON)

    async def start() -> Any:
        return (await connected.appointments())[0]["scheduledAt"]

    await eventually(start, lambda text: text.startswith(f"{away:%Y-%m-%dT%H:%M}"))
    await here(connected, 1)


async def test_the_window_moves_on_and_nothing_comes_twice(world: World, connected: User) -> None:
    await connected.two_way()
    world.microsoft.calendar().insert(event("Kept"))
    await connected.book("Ours", NOON + timedelta(hours=2))
    await connected.book("Far", NOON + timedelta(days=600))
    await here(connected, 3)
    await world.quiet()
    async with world.app.house.database.transaction() as tx:
        old = '"until": 1'
        (row,) = await tx.fetch("SELECT cursor FROM booking_calendar_cursors")
        head, _, tail = row["cursor"].partition('"until": ')
        cursor = f"{head}{old}{tail.lstrip('0123456789')}"
        await tx.execute("UPDATE booking_calendar_cursors SET cursor = ?", cursor)
    writes = len(standing(world))
    await connected.sync()
    assert len(await here(connected, 3)) == len(standing(world)) == writes == 3
    asked = [one for one in world.microsoft.received("GET", VIEW) if "startDateTime" in one.query]
    begins = datetime.fromisoformat(asked[-1].query["startDateTime"])
    assert abs(begins - (datetime.now(UTC) - timedelta(days=30))) < timedelta(minutes=10)


async def test_lost_announcements_are_made_up_for(world: World, connected: User) -> None:
    await connected.two_way()
    await world.quiet()
    world.microsoft.subscriptions.muted = True
    world.microsoft.calendar().insert(event())
    await connected.sync()
    await here(connected, 1)


async def test_a_look_that_is_cut_off_in_a_page_loses_and_doubles_nothing(world: World, mia: User) -> None:
    calendar = world.microsoft.calendar()
    for number in range(150):
        calendar.insert(event(f"Event {number}", NOON + timedelta(hours=number)))
    for _ in range(2):
        world.microsoft.fail(delay=0.01, path=VIEW)  # the first page arrives, the second is cut off
        world.microsoft.fail(cut_after=2_000, path=VIEW, times=3)
    await mia.connect()
    await mia.two_way()
    await mia.synced(seconds=60)

    async def kept() -> Any:
        (row,) = await world.rows("SELECT COUNT(*) AS n FROM appointments WHERE status = 'confirmed'")
        return row["n"]

    await eventually(kept, lambda count: count == 150, seconds=60)
    world.microsoft.faults.clear()
    await mia.sync()
    assert await kept() == len(standing(world)) == 150


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "times": 3},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 429, "headers": {"Retry-After": "1"}},
        throttled(1),
        {"delay": 0.5},
        {"cut": True},
        {"cut": True, "times": 4},
    ],
    ids=["500", "503", "429", "429-graph", "slow", "reply-lost", "reply-lost-often"],
)
async def test_a_write_that_goes_wrong_is_done_once_in_the_end(
    world: World, connected: User, fault: dict[str, Any]
) -> None:
    await world.quiet()
    world.microsoft.fail(**fault, path=EVENTS)
    await connected.book()
    await in_outlook(world)
    await world.quiet()
    assert len(standing(world)) == 1
    assert (await connected.connection()).state == "connected"


async def test_a_change_while_the_reply_was_lost_finds_the_event(world: World, connected: User) -> None:
    await world.quiet()
    world.microsoft.subscriptions.muted = True
    world.microsoft.fail(cut=True, path=EVENTS)
    booked = await connected.book()
    await in_outlook(world)
    later = NOON + timedelta(hours=2)
    await connected.ok("PATCH", f"/api/appointments/{booked['id']}", {"scheduledAt": later.isoformat()})

    async def when() -> Any:
        return [span(one)[0] for one in standing(world)]

    await eventually(when, lambda found: found == [later])


async def test_microsoft_forgets_where_we_were(world: World, connected: User) -> None:
    await connected.two_way()
    calendar = world.microsoft.calendar()
    calendar.insert(event("Kept"))
    lost = calendar.insert(event("Lost", NOON + timedelta(hours=2)))
    await connected.book("Ours", NOON + timedelta(hours=4))
    await here(connected, 3)
    await world.quiet()
    world.microsoft.subscriptions.muted = True
    calendar.forget()
    calendar.delete(lost["id"])
    calendar.insert(event("New", NOON + timedelta(hours=6)))
    await connected.sync()
    names = {one["customerName"] for one in await here(connected, 3)}
    assert names == {"Kept", "Ours", "New"}
    assert len(standing(world)) == 3


async def test_both_sides_change_at_once_and_the_newer_one_stands(world: World, connected: User) -> None:
    await connected.two_way()
    booked = await connected.book()
    (ours,) = await in_outlook(world)
    await world.quiet()
    world.microsoft.subscriptions.muted = True
    calendar, path = world.microsoft.calendar(), f"/api/appointments/{booked['id']}"

    there, later = timedelta(hours=3), NOON + timedelta(hours=6)
    world.microsoft.fail(503, path=EVENTS, times=3)
    await connected.ok("PATCH", path, {"scheduledAt": later.isoformat()})
    await asyncio.sleep(0.05)
    calendar.move(ours["id"], there)
    world.microsoft.faults.clear()
    await connected.sync()

    async def when() -> str:
        return str((await connected.ok("GET", path))["scheduledAt"])[:16]

    await eventually(when, lambda text: text == f"{NOON + there:%Y-%m-%dT%H:%M}")
    await world.quiet()
    assert span(standing(world)[0])[0] == NOON + there

    world.microsoft.fail(503, path=EVENTS, times=3)
    calendar.move(ours["id"], timedelta(hours=6))
    await asyncio.sleep(0.05)
    await connected.ok("PATCH", path, {"scheduledAt": later.isoformat()})
    world.microsoft.faults.clear()
    await connected.sync()

    async def start() -> Any:
        return span(standing(world)[0])[0]

    await eventually(start, lambda found: found == later)
    timeline = (await connected.ok("GET", "/api/v1/connections/outlook_calendar/timeline"))["data"]
    assert sum(entry["kind"] == "conflict" for entry in timeline["log"]) == 2


async def test_an_expired_token_is_refreshed_once(world: World, connected: User) -> None:
    await world.quiet()
    world.microsoft.books.forget_access()
    await asyncio.gather(*(connected.book(f"Guest {n}", NOON + timedelta(hours=n)) for n in range(5)))
    await in_outlook(world, 5)
    assert len(world.microsoft.token_requests_of("refresh_token")) == 1


async def test_a_withdrawn_grant_waits_for_its_owner_and_catches_up(world: World, connected: User) -> None:
    await connected.two_way()
    await world.quiet()
    world.microsoft.books.end("mia@example.com")
    await connected.book("Missed")

    async def state() -> str:
        return (await connected.connection()).state

    await eventually(state, lambda one: one == "needs_reauth")
    assert await world.told("connection.needs_reauth") == 1
    world.microsoft.calendar().insert(event("Meanwhile", NOON + timedelta(hours=3)))
    await connected.connect()
    await in_outlook(world, 2)
    assert {one["customerName"] for one in await here(connected, 2)} == {"Missed", "Meanwhile"}
    assert (await world.told("connection.needs_reauth"), await world.told("connection.recovered")) == (1, 1)
