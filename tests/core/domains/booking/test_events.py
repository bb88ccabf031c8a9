"""Each change of an appointment is one event: as documented, in order, with who acted, to whom it concerns."""

from __future__ import annotations

import json
import re

import pytest

from rallypoint.domains.booking.api import EVENTS, NewAppointment
from rallypoint.domains.booking.appointments.schemas import CreateAppointment
from rallypoint.domains.booking.calls.schemas import CreateCall
from rallypoint.domains.booking.practitioners.schemas import CreatePractitioner
from rallypoint.errors import Conflict, NotFound, ValidationFailed
from rallypoint.storage.ids import new_id

START = 3_800_000_000_000
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def whose(host):
    return {"account_id": host.account_id, "mode": "live"}


@pytest.fixture
def create(domain, host, whose):
    async def make(**fields):
        new = NewAppointment(**{"start": START, "customer_name": "John Doe", **fields})
        return await domain.booker.create(**whose, user_id=host.user_id, new=new)

    return make


@pytest.fixture
def events(app):
    async def told(subject):
        rows = await app.house.database.fetch("SELECT * FROM events WHERE subject = ? ORDER BY seq", subject)
        return [{**row, "body": json.loads(row["body"]), "topics": json.loads(row["topics"])} for row in rows]

    return told


async def test_a_life_is_told_in_order(domain, host, whose, create, events):
    view = await create(notes="First consultation", customer_phone="+44 7700 900123")
    key = {**whose, "appointment_id": view.id, "actor_id": host.user_id}
    await domain.booker.reschedule(**key, start=START + 60_000)
    await domain.booker.reschedule(**key, start=START + 60_000)
    await domain.booker.cancel(**key, reason="Customer requested cancellation")
    await domain.booker.cancel(**key, reason="again")
    created, moved, cancelled = await events(f"appointment:{view.id}")
    assert [one["seq"] for one in (created, moved, cancelled)] == [1, 2, 3]
    assert {one["actor_id"] for one in (created, moved, cancelled)} == {host.user_id}
    data = created["body"]["data"]
    documented = {
        "id": f"appt_{view.id}", "customerId": f"cust_{view.customer_id}", "customerName": "John Doe",
        "customerPhone": "+44 7700 900123", "scheduledAt": "2090-06-01T11:33:20.000Z", "duration": 60,
        "status": "scheduled", "notes": "First consultation",
    }  # fmt: skip
    assert {name: data[name] for name in documented} == documented
    assert (data["userId"], data["actorId"]) == (f"user_{host.user_number}",) * 2
    assert moved["body"]["data"]["scheduledAt"] == "2090-06-01T11:34:20.000Z"
    gone = cancelled["body"]["data"]
    assert (gone["reason"], gone["status"]) == ("Customer requested cancellation", "cancelled")
    assert MILLISECONDS.fullmatch(gone["cancelledAt"])
    for told in (created, moved, cancelled):
        assert told["body"]["event"] == told["type"]
        assert MILLISECONDS.fullmatch(told["body"]["timestamp"])


async def test_completion_is_told(domain, whose, create, events):
    view = await create(duration=30)
    after = await domain.booker.complete(**whose, appointment_id=view.id)
    _, told = await events(f"appointment:{view.id}")
    assert (after.status, told["type"], told["actor_id"]) == ("completed", "appointment.completed", None)
    data = told["body"]["data"]
    assert (data["duration"], data["status"], data["actorId"]) == (30, "completed", None)
    assert MILLISECONDS.fullmatch(data["completedAt"])


async def test_who_hosts_and_who_booked_hear_of_it(app, domain, host, whose, events):
    body = CreatePractitioner.model_validate({"name": "Ada", "user_id": host.user_number})
    practitioner = await domain.practitioners.create(host, body)
    guest = new_id()
    new = NewAppointment(start=START, practitioner_id=practitioner["id"], customer_name="J")
    view = await domain.booker.create(**whose, user_id=guest, new=new)
    (told,) = await events(f"appointment:{view.id}")
    assert told["topics"] == [f"appointment:{view.id}", f"user:{host.user_id}", f"user:{guest}"]
    assert view.host_user_id == host.user_id


async def test_a_calendars_change_names_no_actor_and_its_origin_to_followers(domain, host, whose, events):
    heard = []

    async def follow(_tx, view, origin):
        heard.append((view.seq, origin))

    domain.lifecycle.follow(follow)
    new = NewAppointment(start=START, customer_name="J")
    view = await domain.booker.create(**whose, user_id=host.user_id, new=new, origin="c1")
    await domain.booker.reschedule(**whose, appointment_id=view.id, start=START + 60_000, origin="c1")
    await domain.booker.cancel(**whose, appointment_id=view.id, actor_id=host.user_id)
    assert heard == [(1, "c1"), (2, "c1"), (3, "")]
    actors = [one["actor_id"] for one in await events(f"appointment:{view.id}")]
    assert actors == [None, None, host.user_id]


async def test_the_icalendar_sequence_grows_with_time_and_cancellation_alone(domain, whose, create):
    view = await create()
    key = {**whose, "appointment_id": view.id}
    said = await domain.booker.reschedule(**key, changes={"notes": "x"})
    moved = await domain.booker.reschedule(**key, start=START + 60_000)
    longer = await domain.booker.reschedule(**key, duration=90)
    gone = await domain.booker.cancel(**key)
    assert [one.sequence for one in (view, said, moved, longer, gone)] == [0, 0, 1, 2, 3]
    assert [one.seq for one in (view, said, moved, longer, gone)] == [1, 2, 3, 4, 5]


async def test_nothing_is_told_of_what_did_not_happen(app, domain, host, whose, create):
    practitioner = (await domain.practitioners.create(host, CreatePractitioner(name="P")))["id"]
    await create(practitioner_id=practitioner)
    before = await app.house.database.fetch("SELECT id FROM events")
    with pytest.raises(Conflict):
        await create(practitioner_id=practitioner, customer_name="Somebody else")
    assert await app.house.database.fetch("SELECT id FROM events") == before
    people = await app.house.database.fetch("SELECT name FROM customers")
    assert [one["name"] for one in people] == ["John Doe"]


async def test_samples_are_the_latest_items_newest_first(domain, host, whose, create):
    views = [await create(start=START + n, customer_name=f"C{n}") for n in range(3)]
    await domain.booker.cancel(**whose, appointment_id=views[0].id, reason="a")
    await domain.booker.cancel(**whose, appointment_id=views[2].id, reason="b")
    await domain.booker.complete(**whose, appointment_id=views[1].id)
    await domain.calls.create(host, CreateCall(customer_phone="+44 7700 900123", duration=180))
    names = {
        event: [one["data"]["customerName"] for one in await domain.booker.recent(**whose, event=event)]
        for event in EVENTS
    }
    assert names == {
        "appointment.created": ["C2", "C1", "C0"], "appointment.updated": ["C2", "C1", "C0"],
        "appointment.cancelled": ["C2", "C0"], "appointment.completed": ["C1"], "call.received": [""],
    }  # fmt: skip
    assert len(await domain.booker.recent(**whose, event="appointment.created", limit=2)) == 2
    assert await domain.booker.recent(account_id=new_id(), mode="live", event="call.received") == []
    with pytest.raises(NotFound):
        await domain.booker.recent(**whose, event="appointment.lost")


async def test_plugins_are_held_to_the_same_limits(domain, host, whose, create):
    view = await create()
    for fields in ({"duration": 1441}, {"notes": "x" * 5001}, {"start": 2**62}, {"meeting": "nowhere"}):
        with pytest.raises(ValidationFailed):
            await create(**fields)
    with pytest.raises(ValidationFailed):
        await domain.booker.reschedule(**whose, appointment_id=view.id, start=-1)
    with pytest.raises(ValueError, match="status"):
        await domain.booker.reschedule(**whose, appointment_id=view.id, changes={"status": "lost"})
    for foreign in ({**whose, "account_id": new_id()}, {**whose, "mode": "sandbox"}):
        with pytest.raises(NotFound):
            await domain.booker.get(**foreign, appointment_id=view.id)


async def test_a_call_is_told_as_documented(domain, host, events):
    body = CreateCall.model_validate(
        {
            "customer_name": "John Doe", "customer_phone": "+44 7700 900123", "duration": 180,
            "recording_url": "https://api.example.com/recordings/call_789.mp3",
            "transcript": "Full call transcript...", "sentiment": "positive",
        }
    )  # fmt: skip
    made = await domain.calls.create(host, body)
    (told,) = await events(f"call:{made['id']}")
    assert (told["type"], told["actor_id"]) == ("call.received", host.user_id)
    data = told["body"]["data"]
    documented = {
        "id": f"call_{made['id']}", "customerId": f"cust_{made['customerId']}", "customerName": "John Doe",
        "customerPhone": "+44 7700 900123", "duration": 180, "sentiment": "positive",
        "recordingUrl": "https://api.example.com/recordings/call_789.mp3",
        "transcript": "Full call transcript...",
    }  # fmt: skip
    assert {name: data[name] for name in documented} == documented


async def test_appointments_of_an_api_caller_are_seen_by_plugins(domain, host, whose):
    body = CreateAppointment.model_validate({"scheduled_at": "2090-06-01T09:00:00Z", "customer_name": "J"})
    made = await domain.appointments.create(host, body)
    view = await domain.booker.get(**whose, appointment_id=made["id"])
    assert (view.customer_name, view.end - view.start, view.host_user_id) == ("J", 3_600_000, host.user_id)


async def test_a_user_is_the_practitioner_with_their_number(domain, host, whose):
    assert await domain.booker.practitioner_of(**whose, user_id=host.user_id) is None
    body = CreatePractitioner.model_validate({"name": "Ada", "user_id": host.user_number})
    made = [(await domain.practitioners.create(host, body))["id"] for _ in range(2)]
    assert await domain.booker.practitioner_of(**whose, user_id=host.user_id) == made[0]
