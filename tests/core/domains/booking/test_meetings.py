"""Meetings follow their appointments, whatever their provider does, and never hold a booking up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from rallypoint.domains.booking.api import MeetingRequest, NewAppointment
from rallypoint.domains.booking.meetings import ledger
from rallypoint.domains.booking.meetings.providers import platform_of
from rallypoint.domains.booking.practitioners.schemas import CreatePractitioner
from rallypoint.errors import Conflict, NeedsReauth, NotFound, PermanentFailure, RetryLater
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id
from rallypoint.testing.waiting import eventually

START = 3_800_000_000_000


@pytest.fixture
def whose(host):
    return {"account_id": host.account_id, "mode": "live"}


@pytest.fixture
def create(domain, host, whose):
    async def make(**fields):
        new = NewAppointment(
            **{"start": START, "customer_email": "john@example.com", "meeting": "acme", **fields}
        )
        return await domain.booker.create(**whose, user_id=host.user_id, new=new)

    return make


@pytest.fixture
def row(app):
    async def read():
        rows = await app.house.database.fetch("SELECT * FROM appointment_meetings ORDER BY id")
        return rows[-1] if rows else None

    return read


@pytest.fixture
def settled(row, acme):
    """Waits until nothing is due, and returns the row."""

    async def wait():
        return await eventually(row, lambda it: it and it["next_at"] is None and it["claimed_until"] == 0)

    return wait


@pytest.fixture
def due_now(app):
    """Makes what waits for its next try due."""

    async def make():
        async with app.house.database.transaction() as tx:
            await tx.execute("UPDATE appointment_meetings SET next_at = ? WHERE next_at > 0", clock.now())
        app.house.jobs.wake("booking.meetings")

    return make


def request(host, **fields):
    values = {
        "account_id": host.account_id, "mode": "live", "user_id": host.user_id, "start": START,
        "host_email": "ada@example.com", "guest_email": "john@example.com", "topic": "Session",
        "description": "", "duration": 60, "timezone": "UTC", "request_id": new_id(),
    }  # fmt: skip
    return MeetingRequest(**{**values, **fields})


async def test_it_is_made_moved_and_cancelled_with_its_appointment(
    app, domain, host, whose, acme, create, settled
):
    view = await create()
    made = await settled()
    assert (made["status"], made["meeting_url"]) == (
        "ready",
        f"https://meet.example.com/{made['request_id']}",
    )
    shown = await domain.appointments.get(host, str(view.id))
    assert shown["meetingUrl"] == made["meeting_url"]
    (meeting,) = shown["meetings"]
    assert (meeting["password"], meeting["hostUrl"][-36:]) == ("pass-word", made["request_id"])
    key = {**whose, "appointment_id": view.id}
    await domain.booker.reschedule(**key, start=START + 3_600_000)
    await eventually(settled, lambda _: acme.asked[-1][0] == "update")
    assert acme.meetings[made["request_id"]].external == {"start": START + 3_600_000}
    await domain.booker.cancel(**key)
    gone = await eventually(settled, lambda it: it["status"] == "cancelled" and it["done"] == "")
    assert (gone["meeting_url"], acme.meetings) == ("", {})
    assert [what for what, _ in acme.asked] == ["create", "update", "cancel"]
    told = await app.house.database.fetch("SELECT type, seq FROM events ORDER BY seq")
    assert [(one["type"], one["seq"]) for one in told] == [
        ("appointment.created", 1), ("appointment.updated", 2), ("appointment.updated", 3),
        ("appointment.cancelled", 4),
    ]  # fmt: skip


async def test_what_opens_a_meeting_is_encrypted(create, settled):
    await create()
    made = await settled()
    assert "pass-word" not in made["password"]
    assert "meet.example.com" not in made["host_url"]


async def test_a_change_of_what_no_provider_is_told_leaves_it_alone(domain, whose, acme, create, settled):
    view = await create()
    await settled()
    await domain.booker.reschedule(**whose, appointment_id=view.id, changes={"session_type": "Intro"})
    await domain.booker.complete(**whose, appointment_id=view.id)
    await settled()
    assert [what for what, _ in acme.asked] == ["create"]


async def test_the_provider_is_told_what_the_appointment_says(domain, host, acme, create, settled):
    body = CreatePractitioner(name="Ada", email="ada@example.com", timezone="Asia/Kathmandu")
    practitioner = (await domain.practitioners.create(host, body))["id"]
    await create(practitioner_id=practitioner, customer_name="John", notes="Bring tea")
    await settled()
    asked = acme.asked[0][1]
    assert replace(asked, request_id="") == MeetingRequest(
        account_id=host.account_id, mode="live", user_id=host.user_id, host_email="ada@example.com",
        guest_email="john@example.com", topic="Appointment with John", description="Bring tea",
        start=START, duration=60, timezone="Asia/Kathmandu", request_id="",
    )  # fmt: skip


async def test_true_means_where_the_practitioner_prefers_to_meet(domain, host, acme, create, settled):
    body = CreatePractitioner(name="Ada", preferred_video_platform="ACME")
    practitioner = (await domain.practitioners.create(host, body))["id"]
    await create(practitioner_id=practitioner, meeting=True)
    assert (await settled())["platform"] == "acme"


async def test_a_preferred_platform_that_nobody_serves_holds_nothing_up(domain, host, create, row):
    body = CreatePractitioner(name="Ada", preferred_video_platform="nowhere")
    practitioner = (await domain.practitioners.create(host, body))["id"]
    view = await create(practitioner_id=practitioner, meeting=True)
    waiting = await eventually(row, lambda it: it["failures"])
    assert (waiting["status"], view.status) == ("pending", "confirmed")
    assert "nowhere" in waiting["reason"]
    await domain.booker.cancel(account_id=host.account_id, mode="live", appointment_id=view.id)
    gone = await eventually(row, lambda it: it["next_at"] is None)
    assert (gone["status"], gone["done"]) == ("cancelled", "")


@pytest.mark.parametrize("fault", [RetryLater("away"), NeedsReauth("dead"), ValueError("a bug")])
async def test_while_the_provider_is_away_the_booking_stands_and_the_meeting_comes_later(
    domain, whose, acme, create, row, settled, due_now, fault
):
    acme.faults.append(fault)
    view = await create()
    waiting = await eventually(row, lambda it: it["failures"])
    assert waiting["status"] == "pending"
    assert (await domain.booker.get(**whose, appointment_id=view.id)).status == "confirmed"
    await due_now()
    assert (await settled())["status"] == "ready"
    assert len({asked.request_id for _, asked in acme.asked}) == 1


async def test_a_refusal_ends_it_until_the_appointment_changes(domain, whose, acme, create, settled):
    acme.faults.append(PermanentFailure("no licence"))
    view = await create()
    failed = await settled()
    assert (failed["status"], failed["reason"]) == ("failed", "no licence")
    await domain.booker.reschedule(**whose, appointment_id=view.id, start=START + 60_000)
    assert (await eventually(settled, lambda it: it["status"] == "ready"))["reason"] == ""


async def test_a_lost_answer_makes_no_second_meeting(acme, create, row, settled, due_now):
    acme.lost.append(RetryLater("the connection broke"))
    await create()
    await eventually(row, lambda it: it["failures"])
    await due_now()
    assert (await settled())["status"] == "ready"
    assert len(acme.meetings) == 1


async def test_cancelling_after_a_lost_answer_leaves_no_meeting_behind(
    domain, whose, acme, create, row, settled, due_now
):
    acme.lost.append(RetryLater("the connection broke"))
    view = await create()
    await eventually(row, lambda it: it["failures"])
    assert len(acme.meetings) == 1
    await domain.booker.cancel(**whose, appointment_id=view.id)
    await due_now()
    assert (await settled())["status"] == "cancelled"
    assert acme.meetings == {}


async def test_cancelling_while_it_is_being_made_removes_it(domain, whose, acme, create, row, settled):
    acme.faults.append(0.5)
    view = await create()
    await eventually(row, lambda it: it["claimed_until"] > 0)
    await domain.booker.cancel(**whose, appointment_id=view.id)
    assert (await eventually(settled, lambda it: it["done"] == ""))["status"] == "cancelled"
    assert acme.meetings == {}


async def test_of_many_workers_one_asks_the_provider(domain, acme, create, settled):
    acme.faults.append(0.3)
    await create()
    await asyncio.gather(*(domain.meeting_work.run() for _ in range(5)))
    await settled()
    assert len(acme.asked) == 1


async def test_the_work_of_a_killed_process_is_done_by_another(
    app, domain, acme, create, row, settled, monkeypatch
):
    monkeypatch.setattr(ledger, "CLAIM", 0)  # as if the claim's time had passed
    acme.faults.append(RetryLater("away"))
    await create()
    await eventually(row, lambda it: it["failures"])
    async with app.house.database.transaction() as tx:
        await tx.execute(
            "UPDATE appointment_meetings SET next_at = 1, failures = 0, done = '?', claimed_until = 5"
        )
    await domain.meeting_work.run()
    assert (await settled())["status"] == "ready"


async def test_a_late_answer_of_a_lapsed_claim_changes_nothing(app, domain, acme, create, row, settled):
    await create()
    made = await settled()
    stale = ledger.Claim(made, acme.asked[0][1], until=12345)
    ledger_ = domain.meetings._ledger
    await ledger_.fail(stale, RetryLater("late"))
    await ledger_.finish(stale, None)
    assert await row() == made


async def test_nobody_is_asked_for_an_appointment_that_is_over(acme, create, settled):
    await create(start=clock.now() - 2 * clock.DAY)
    assert (await settled())["reason"] == "the appointment is over"
    assert acme.asked == []


async def test_a_recovered_connection_is_tried_at_once(app, domain, host, acme, create, row, settled):
    acme.faults.append(NeedsReauth("dead"))
    await create()
    waiting = await eventually(row, lambda it: it["failures"])
    assert waiting["next_at"] > clock.now() + 60_000
    for user_id, state in (
        (new_id(), "connected"),
        (host.user_id, "needs_reauth"),
        (host.user_id, "connected"),
    ):
        assert await row() == waiting
        theirs = SimpleNamespace(account_id=host.account_id, user_id=user_id)
        async with app.house.database.transaction() as tx:
            await domain.meeting_work.connection_changed(tx, "acmemeet", theirs, state)
    assert (await settled())["status"] == "ready"


async def test_meeting_elsewhere_or_nowhere(domain, whose, acme, create, settled):
    view = await create(meeting=False)
    key = {**whose, "appointment_id": view.id}
    await domain.booker.meet(**key, meeting="Acme")
    assert (await settled())["status"] == "ready"
    await domain.booker.meet(**key, meeting=False)
    gone = await eventually(settled, lambda it: it["status"] == "cancelled")
    assert (gone["done"], acme.meetings) == ("", {})
    await domain.booker.meet(**key, meeting="acme")
    again = await eventually(settled, lambda it: it["status"] == "ready")
    assert again["id"] == gone["id"]


# The service that the plugins' routes call


async def test_a_route_makes_a_meeting_at_once_and_without_an_appointment_nothing_is_kept(
    domain, host, acme, row
):
    meeting = await domain.meetings.create("acme", request(host))
    assert meeting.url in {one.url for one in acme.meetings.values()}
    assert await row() is None


async def test_with_an_appointment_it_is_kept_and_found_again(domain, host, whose, acme, create, settled):
    view = await create(meeting=False)
    first = await domain.meetings.create("acme", request(host), appointment_id=view.id)
    kept = await settled()
    assert (kept["status"], kept["topic"], kept["host_email"]) == ("ready", "Session", "ada@example.com")
    assert await domain.meetings.create("acme", request(host), appointment_id=view.id) == first
    await domain.booker.reschedule(**whose, appointment_id=view.id, start=START + 60_000)
    await eventually(settled, lambda _: acme.asked[-1][0] == "update")
    assert (acme.asked[-1][1].topic, acme.asked[-1][1].start) == ("Session", START + 60_000)


async def test_another_time_than_the_appointments_is_put_right(domain, host, acme, create, settled):
    view = await create(meeting=False)
    await domain.meetings.create("acme", request(host, start=START + 5 * 60_000), appointment_id=view.id)
    await eventually(settled, lambda _: acme.asked[-1][0] == "update")
    assert [asked.start for _, asked in acme.asked] == [START + 5 * 60_000, START]


@pytest.mark.parametrize("fault", [PermanentFailure("no"), RetryLater("away"), NeedsReauth("dead")])
async def test_who_is_told_of_a_failure_finds_no_meeting_later(domain, host, acme, create, settled, fault):
    view = await create(meeting=False)
    acme.faults.append(fault)
    with pytest.raises(type(fault)):
        await domain.meetings.create("acme", request(host), appointment_id=view.id)
    assert (await settled())["status"] == "cancelled"
    assert acme.meetings == {}
    again = await domain.meetings.create("acme", request(host), appointment_id=view.id)
    assert again.url


async def test_an_appointment_that_is_none_or_over_is_refused(domain, host, whose, create):
    view = await create(meeting=False)
    for wrong, number in ((request(host, account_id=new_id()), view.id), (request(host), view.id + 1)):
        with pytest.raises(NotFound):
            await domain.meetings.create("acme", wrong, appointment_id=number)
    await domain.booker.cancel(**whose, appointment_id=view.id)
    with pytest.raises(Conflict):
        await domain.meetings.create("acme", request(host), appointment_id=view.id)
    with pytest.raises(RetryLater, match="nowhere"):
        await domain.meetings.create("nowhere", request(host))


async def test_of_two_who_ask_at_once_one_makes_it(domain, host, acme, create):
    view = await create(meeting=False)
    acme.faults.append(0.3)
    answers = await asyncio.gather(
        *(domain.meetings.create("acme", request(host), appointment_id=view.id) for _ in range(3)),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Conflict", "Meeting"]
    assert len(acme.meetings) == 1


@pytest.mark.parametrize(
    ("said", "meant"),
    [("zoom", "zoom"), ("Google Meet", "google-meet"), ("google_meet", "google-meet"), ("Google", "google-meet"),
     ("Microsoft Teams", "teams"), ("TEAMS", "teams"), ("", "")],
)  # fmt: skip
def test_platforms_are_known_by_the_names_people_use(said, meant):
    assert platform_of(said) == meant
