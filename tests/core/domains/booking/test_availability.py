"""Availability over REST as booking.md shows it, and with busy times of plugins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from rallypoint.domains.booking.api import Interval
from rallypoint.domains.booking.practitioners.schemas import CreatePractitioner, CreateSchedule
from rallypoint.errors import NotFound, RetryLater
from rallypoint.storage.clock import HOUR, MINUTE

GAP, FOLD = "2090-03-26", "2090-10-29"


def slots(reply):
    return {slot["time"]: slot["available"] for slot in reply["timeSlots"]}


def test_it_is_public_and_shaped_as_documented(server, practitioner):
    status, reply = server.request("GET", f"/api/practitioners/{practitioner}/availability?date=2090-06-01")
    assert status == 200
    assert (reply["practitionerId"], reply["date"]) == (practitioner, "2090-06-01")
    assert [slot["time"] for slot in reply["timeSlots"]] == [
        "9:00 AM", "10:00 AM", "11:00 AM", "12:00 PM", "1:00 PM", "2:00 PM", "3:00 PM", "4:00 PM",
    ]  # fmt: skip
    assert all(slot["available"] is True for slot in reply["timeSlots"])
    assert reply["timeSlots"][0]["startsAt"] == "2090-06-01T08:00:00Z"


@pytest.mark.parametrize("query", ["", "?date="])
def test_a_missing_date_has_its_documented_answer(server, practitioner, query):
    status, reply = server.request("GET", f"/api/practitioners/{practitioner}/availability{query}")
    assert (status, reply["error"]) == (400, "Missing practitioner ID or date")


@pytest.mark.parametrize(
    "wrong", ["2090-02-30", "2090-6-1", "tomorrow", "1969-12-31", "9999-12-31", "%00", "2090-W01-1"]
)
def test_a_date_that_is_none_is_refused(server, practitioner, wrong):
    status, reply = server.request("GET", f"/api/practitioners/{practitioner}/availability?date={wrong}")
    assert (status, type(reply["error"]), list(reply["details"])) == (400, str, ["date"])


def test_who_is_unknown_is_404_and_who_has_no_schedule_has_no_slots(server, alice):
    assert server.request("GET", "/api/practitioners/999999999/availability?date=2090-06-01") == (
        404, {"error": "Practitioner not found"},
    )  # fmt: skip
    _, made = alice("POST", "/api/practitioners", {"name": "Idle"})
    _, reply = server.request("GET", f"/api/practitioners/{made['id']}/availability?date=2090-06-01")
    assert reply["timeSlots"] == []


def test_the_sandbox_shows_its_own_alone(server, alice, practitioner):
    _, made = alice("POST", "/api/personal_api_keys", {"label": "t", "sandbox": True})
    key = made["data"]["value"]
    path = f"/api/practitioners/{practitioner}/availability?date=2090-06-01"
    assert server.request("GET", path, token=key)[0] == 404
    _, mine = server.request("POST", "/api/practitioners", {"name": "Try"}, token=key)
    path = f"/api/practitioners/{mine['id']}/availability?date=2090-06-01"
    assert server.request("GET", path)[0] == 404
    assert server.request("GET", path, token=key)[0] == 200


def test_a_confirmed_appointment_takes_every_slot_it_touches_until_it_is_cancelled(
    server, caller, book, practitioner
):
    path = f"/api/practitioners/{practitioner}/availability?date=2090-06-02"
    _, made = book(practitionerId=practitioner, date="2090-06-02", time="9:30 AM", duration=60)
    taken = slots(server.request("GET", path)[1])
    assert [time for time, free in taken.items() if not free] == ["9:00 AM", "10:00 AM"]
    caller("POST", f"/api/appointments/{made['id']}/cancel")
    assert all(slots(server.request("GET", path)[1]).values())


def test_one_that_lasts_beyond_midnight_takes_the_next_morning(server, caller, book):
    _, made = caller("POST", "/api/practitioners", {"name": "Night"})
    for day in range(7):
        hours = {"dayOfWeek": day, "startTime": "0:00", "endTime": "24:00", "slotDurationMinutes": 240}
        caller("POST", f"/api/practitioners/{made['id']}/schedules", hours)
    book(practitionerId=made["id"], scheduledAt="2090-06-02T22:00:00Z", duration=360)
    path = f"/api/practitioners/{made['id']}/availability?date=2090-06-03"
    assert [time for time, free in slots(server.request("GET", path)[1]).items() if not free] == ["12:00 AM"]


def test_what_is_past_cannot_be_booked(server, practitioner):
    _, reply = server.request("GET", f"/api/practitioners/{practitioner}/availability?date=2024-06-03")
    assert set(slots(reply).values()) == {False}
    assert len(reply["timeSlots"]) == 8


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("Europe/London", GAP, ["12:00 AM", "2:00 AM", "3:00 AM"]),
        ("Europe/London", FOLD, ["12:00 AM", "1:00 AM", "1:00 AM", "2:00 AM", "3:00 AM"]),
        ("Asia/Kathmandu", GAP, ["12:00 AM", "1:00 AM", "2:00 AM", "3:00 AM"]),
        ("Pacific/Honolulu", FOLD, ["12:00 AM", "1:00 AM", "2:00 AM", "3:00 AM"]),
    ],
)
def test_days_whose_clocks_change_come_out_right(server, alice, zone, day, expected):
    _, made = alice("POST", "/api/practitioners", {"name": "Dr. Ada", "timezone": zone})
    hours = {"dayOfWeek": 0, "startTime": "12:00 AM", "endTime": "4:00 AM"}
    alice("POST", f"/api/practitioners/{made['id']}/schedules", hours)
    _, reply = server.request("GET", f"/api/practitioners/{made['id']}/availability?date={day}")
    assert [slot["time"] for slot in reply["timeSlots"]] == expected
    starts = [slot["startsAt"] for slot in reply["timeSlots"]]
    assert starts == sorted(set(starts))


TOMORROW = datetime.now(UTC).date() + timedelta(days=1)
NINE = round(datetime(TOMORROW.year, TOMORROW.month, TOMORROW.day, 9, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
async def ada(domain, host):
    """A practitioner who is the host herself, with three slots on every day."""
    body = CreatePractitioner.model_validate({"name": "Dr. Ada", "user_id": host.user_number})
    made = await domain.practitioners.create(host, body)
    for day in range(7):
        hours = {"day_of_week": day, "start_time": "9:00", "end_time": "12:00"}
        await domain.practitioners.add_schedule(host, str(made["id"]), CreateSchedule.model_validate(hours))
    return made["id"]


async def test_busy_times_of_plugins_count(domain, acme, ada):
    acme.busy += [
        Interval(NINE + 70 * MINUTE, NINE + 80 * MINUTE),
        Interval(NINE + 3 * HOUR, NINE + 4 * HOUR),
    ]
    reply = await domain.availability.of_day("live", ada, TOMORROW)
    assert (slots(reply), reply["complete"]) == (
        {"9:00 AM": True, "10:00 AM": False, "11:00 AM": True}, True,
    )  # fmt: skip


@pytest.mark.parametrize("fault", [RetryLater("away"), ValueError("a bug"), 60.0])
async def test_a_source_that_fails_or_hangs_is_left_out_and_reported(app, domain, acme, ada, fault):
    acme.busy.append(Interval(NINE, NINE + HOUR))
    acme.busy_faults.append(fault)
    reply = await domain.availability.of_day("live", ada, TOMORROW)
    assert (slots(reply)["9:00 AM"], reply["complete"]) == (True, False)
    (status,) = [one for one in app.house.statuses() if one.name == "acmemeet"]
    assert "busy times" in status.stage + status.reason
    reply = await domain.availability.of_day("live", ada, TOMORROW)
    assert (slots(reply)["9:00 AM"], reply["complete"]) == (False, True)


async def test_who_is_no_user_here_is_not_asked_for(domain, host, acme):
    acme.busy_faults.append(ValueError("was asked"))
    made = await domain.practitioners.create(host, CreatePractitioner(name="Guest"))
    await domain.practitioners.add_schedule(
        host, str(made["id"]), CreateSchedule.model_validate(
            {"day_of_week": TOMORROW.isoweekday() % 7, "start_time": "9:00", "end_time": "10:00"}
        ),
    )  # fmt: skip
    assert (await domain.availability.of_day("live", made["id"], TOMORROW))["complete"] is True
    assert len(acme.busy_faults) == 1


async def test_the_other_mode_has_no_such_practitioner(domain, ada):
    with pytest.raises(NotFound):
        await domain.availability.of_day("sandbox", ada, date(2027, 6, 1))
