"""Appointments over REST, on both columns: booked, moved, cancelled, completed, listed, and nobody else's."""

from __future__ import annotations

import pytest

DAY = "2090-06-01"


def path(made, *more):
    return "/".join(["/api/appointments", str(made["id"]), *more])


def test_it_is_booked_by_date_and_time_in_the_practitioners_zone(book, practitioner):
    status, made = book(
        practitionerId=practitioner, date=DAY, time="2:00 PM", customerName="John Doe",
        customerPhone="+44 7700 900123", customerEmail="john@example.com", notes="First", sessionType="Intro",
    )  # fmt: skip
    assert status == 201
    shown = {
        "practitionerId": practitioner, "practitionerName": "Dr. Ada", "date": DAY, "time": "2:00 PM",
        "timezone": "Europe/London", "scheduledAt": f"{DAY}T13:00:00Z", "endsAt": f"{DAY}T14:00:00Z",
        "duration": 60, "status": "confirmed", "notes": "First", "sessionType": "Intro", "reason": "",
        "customerName": "John Doe", "customerEmail": "john@example.com", "customerPhone": "+44 7700 900123",
        "meetingUrl": "", "meetings": [], "cancelledAt": None, "completedAt": None,
    }  # fmt: skip
    assert {name: made[name] for name in shown} == shown
    assert isinstance(made["userId"], int)


@pytest.mark.parametrize(
    "fields",
    [
        {"date": DAY, "time": "14:00"},
        {"date": DAY, "time": "2:00 pm"},
        {"scheduledAt": f"{DAY}T18:45:00+05:45"},
        {"scheduled_at": f"{DAY}T03:00:00-10:00"},
    ],
)
def test_both_time_forms_and_every_offset_mean_the_same_moment(book, practitioner, fields):
    status, made = book(practitioner_id=practitioner, **fields)
    assert (status, made["scheduledAt"]) == (201, f"{DAY}T13:00:00Z")


def test_a_practitioner_in_kathmandu_and_a_client_in_honolulu_agree(server, caller, book):
    _, ram = caller("POST", "/api/practitioners", {"name": "Ram", "timezone": "Asia/Kathmandu"})
    hours = {"dayOfWeek": 4, "startTime": "9:00 AM", "endTime": "10:30 AM", "slotDurationMinutes": 45}
    caller("POST", f"/api/practitioners/{ram['id']}/schedules", hours)
    _, made = book(practitionerId=ram["id"], scheduledAt="2090-05-31T17:15:00-10:00")
    assert (made["date"], made["time"], made["duration"]) == ("2090-06-01", "9:00 AM", 45)
    _, day = server.request("GET", f"/api/practitioners/{ram['id']}/availability?date=2090-06-01")
    assert [(one["time"], one["available"], one["startsAt"]) for one in day["timeSlots"]] == [
        ("9:00 AM", False, "2090-06-01T03:15:00Z"), ("9:45 AM", True, "2090-06-01T04:00:00Z"),
    ]  # fmt: skip


def test_a_time_that_the_clocks_skip_is_refused_and_a_repeated_one_is_its_first(book, practitioner):
    status, refused = book(practitionerId=practitioner, date="2090-03-26", time="1:30 AM")
    assert (status, list(refused["details"])) == (400, ["time"])
    _, made = book(practitionerId=practitioner, date="2090-10-29", time="1:30 AM")
    assert made["scheduledAt"] == "2090-10-29T00:30:00Z"
    _, again = book(practitionerId=practitioner, scheduledAt="2090-10-29T01:30:00Z")
    assert (again["date"], again["time"]) == ("2090-10-29", "1:30 AM")


def test_it_lasts_as_long_as_the_slots_at_that_time(caller, book):
    _, bo = caller("POST", "/api/practitioners", {"name": "Bo"})
    hours = {"dayOfWeek": 4, "startTime": "9:00", "endTime": "12:00", "slotDurationMinutes": 25}
    caller("POST", f"/api/practitioners/{bo['id']}/schedules", hours)
    lengths = [
        book(practitionerId=bo["id"], date=DAY, time=time, **more)[1]["duration"]
        for time, more in (("9:25", {}), ("15:00", {}), ("10:00", {"duration": 90}))
    ]
    assert lengths == [25, 60, 90]


def test_without_a_practitioner_it_is_in_the_zone_that_is_said(book):
    status, made = book(date=DAY, time="9:00", timezone="Asia/Kathmandu", practitionerName="Somebody")
    assert (status, made["practitionerId"], made["practitionerName"]) == (201, None, "Somebody")
    assert made["scheduledAt"] == f"{DAY}T03:15:00Z"
    assert book(date=DAY, time="9:00")[1]["scheduledAt"] == f"{DAY}T09:00:00Z"


def test_without_a_customer_it_is_for_the_caller(alice, book):
    _, made = book(date=DAY, time="9:00")
    assert made["customerEmail"] == alice("GET", "/api/me")[1]["email"]


def test_the_same_address_is_the_same_customer(book):
    made = [
        book(date=DAY, time="9:00", customerName=name, customerEmail=email)[1]
        for name, email in (("John", "John@Example.com"), ("Johnny", "john@example.com"))
    ]
    assert made[0]["customerId"] == made[1]["customerId"]
    assert [one["customerName"] for one in made] == ["John", "Johnny"]
    _, known = book(date=DAY, time="9:00", customerId=made[0]["customerId"])
    assert (known["customerName"], known["customerEmail"]) == ("John", "John@Example.com")


def test_another_accounts_customer_is_none(alice, bob):
    _, made = alice("POST", "/api/appointments", {"date": DAY, "time": "9:00", "customerName": "John"})
    body = {"date": DAY, "time": "9:00", "customerId": made["customerId"]}
    assert bob("POST", "/api/appointments", body)[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"date": DAY}, "body"),
        ({"date": DAY, "time": "9:00", "scheduledAt": f"{DAY}T09:00:00Z"}, "body"),
        ({"date": "2090-02-30", "time": "9:00"}, "date"),
        ({"date": DAY, "time": "25:00"}, "time"),
        ({"date": DAY, "time": "24:00"}, "time"),
        ({"scheduledAt": f"{DAY}T09:00:00"}, "scheduledAt"),
        ({"scheduledAt": "9999-12-31T23:59:59Z"}, "scheduledAt"),
        ({"date": DAY, "time": "9:00", "duration": 0}, "duration"),
        ({"date": DAY, "time": "9:00", "duration": 1441}, "duration"),
        ({"date": DAY, "time": "9:00", "notes": "x" * 5001}, "notes"),
        ({"date": DAY, "time": "9:00", "customerEmail": "a@b\nBcc: c@d"}, "customerEmail"),
        ({"date": DAY, "time": "9:00", "customerId": "7"}, "customerId"),
        ({"date": DAY, "time": "9:00", "meeting": "nowhere"}, "meeting"),
        ({"date": DAY, "time": "9:00", "practitionerId": "1"}, "practitionerId"),
    ],
)
def test_what_is_wrong_is_named(alice, body, field):
    status, refused = alice("POST", "/api/appointments", body)
    assert (status, type(refused["error"])) == (400, str)
    assert any(name.startswith(field) for name in refused["details"])


def test_an_unknown_or_foreign_practitioner_is_404(alice, bob):
    _, made = alice("POST", "/api/practitioners", {"name": "Dr. Ada"})
    for number in (made["id"], 999_999_999):
        body = {"date": DAY, "time": "9:00", "practitionerId": number}
        assert bob("POST", "/api/appointments", body) == (404, {"error": "Practitioner not found"})


def test_a_taken_time_is_409_by_a_single_minute_and_back_to_back_is_not(book, practitioner):
    assert book(practitionerId=practitioner, date=DAY, time="10:00", duration=30)[0] == 201
    for time, duration in (("10:00", 30), ("10:29", 1), ("9:31", 30), ("9:00", 120), ("10:10", 5)):
        status, refused = book(practitionerId=practitioner, date=DAY, time=time, duration=duration)
        assert (status, refused) == (409, {"error": "This time is taken"})
    for time in ("9:30", "10:30"):
        assert book(practitionerId=practitioner, date=DAY, time=time, duration=30)[0] == 201


def test_it_moves_to_a_free_time_alone(caller, book, practitioner):
    _, made = book(practitionerId=practitioner, date=DAY, time="10:00")
    book(practitionerId=practitioner, date=DAY, time="12:00")
    assert caller("PATCH", path(made), {"date": DAY, "time": "12:30"})[0] == 409
    status, moved = caller("PATCH", path(made), {"date": DAY, "time": "10:30"})  # over its own old time
    assert (status, moved["time"], moved["duration"]) == (200, "10:30 AM", 60)
    assert caller("PATCH", path(made), {"duration": 91})[0] == 409
    status, longer = caller("PATCH", path(made), {"duration": 90})
    assert (status, longer["endsAt"]) == (200, f"{DAY}T11:00:00Z")


def test_a_change_says_what_it_names_and_one_that_changes_nothing_writes_nothing(caller, book, practitioner):
    _, made = book(practitionerId=practitioner, date=DAY, time="10:00", notes="a")
    _, same = caller("PATCH", path(made), {"notes": "a", "date": DAY, "time": "10:00 AM"})
    assert same == made
    _, changed = caller("PATCH", path(made), {"notes": "", "session_type": "Intro", "customerName": "Jane"})
    assert (changed["notes"], changed["sessionType"], changed["customerName"]) == ("", "Intro", "Jane")
    assert changed["scheduledAt"] == made["scheduledAt"]


def test_it_stays_with_its_practitioner(caller, book, practitioner):
    _, made = book(practitionerId=practitioner, date=DAY, time="10:00")
    assert caller("PATCH", path(made), {"practitionerId": practitioner, "notes": "x"})[0] == 200
    for other in (practitioner + 1, None):
        status, refused = caller("PATCH", path(made), {"practitioner_id": other})
        assert (status, list(refused["details"])) == (400, ["practitionerId"])


def test_cancelling_twice_is_fine_and_completing_after_it_is_not(caller, book):
    _, made = book(date=DAY, time="10:00")
    status, gone = caller("POST", path(made, "cancel"), {"reason": "Customer requested cancellation"})
    assert (status, gone["status"], gone["reason"]) == (200, "cancelled", "Customer requested cancellation")
    assert gone["cancelledAt"] is not None
    assert caller("POST", path(made, "cancel"), {"reason": "other"}) == (200, gone)
    assert caller("POST", path(made, "complete")) == (409, {"error": "The appointment is cancelled"})
    assert caller("PATCH", path(made), {"notes": "later"})[0] == 409


def test_completing_twice_is_fine_and_cancelling_after_it_is_not(caller, book):
    _, made = book(date=DAY, time="10:00")
    status, done = caller("POST", path(made, "complete"))
    assert (status, done["status"]) == (200, "completed")
    assert caller("POST", path(made, "complete")) == (200, done)
    assert caller("POST", path(made, "cancel"))[0] == 409


def test_a_status_in_a_change_acts_as_the_route_of_its_name(caller, book):
    _, made = book(date=DAY, time="10:00")
    assert caller("PATCH", path(made), {"status": "confirmed"})[1]["status"] == "confirmed"
    _, gone = caller("PATCH", path(made), {"status": "cancelled", "reason": "ill"})
    assert (gone["status"], gone["reason"]) == ("cancelled", "ill")
    assert caller("PATCH", path(made), {"status": "confirmed"})[0] == 409
    _, other = book(date=DAY, time="10:00")
    assert caller("PATCH", path(other), {"status": "completed"})[1]["status"] == "completed"
    assert caller("PATCH", path(other), {"status": "lost"})[0] == 400


def test_a_cancelled_time_is_free_again(caller, book, practitioner):
    _, made = book(practitionerId=practitioner, date=DAY, time="10:00")
    caller("POST", path(made, "cancel"))
    assert book(practitionerId=practitioner, date=DAY, time="10:00")[0] == 201


def test_another_account_sees_none_of_it(alice, bob):
    _, made = alice("POST", "/api/appointments", {"date": DAY, "time": "9:00"})
    missing = (404, {"error": "Appointment not found"})
    assert bob("GET", path(made)) == missing
    assert bob("PATCH", path(made), {"notes": "x"}) == missing
    assert bob("POST", path(made, "cancel")) == missing
    assert bob("POST", path(made, "complete")) == missing
    assert bob("GET", "/api/appointments")[1]["data"] == []
    assert alice("GET", path(made)) == (200, made)


def test_it_takes_a_token(server):
    for method, where in (("GET", ""), ("POST", ""), ("GET", "/1"), ("POST", "/1/cancel")):
        status, refused = server.request(method, f"/api/appointments{where}", None)
        assert (status, type(refused["error"])) == (401, str)


def test_lists_are_paged_latest_first_and_filtered(caller, book, practitioner):
    times = ("9:00", "15:00", "11:00", "13:00")
    made = {time: book(practitionerId=practitioner, date=DAY, time=time)[1] for time in times}
    other = book(date="2090-06-02", time="9:00")[1]
    caller("POST", path(made["11:00"], "cancel"))
    seen, after = [], ""
    while after is not None:
        _, page = caller("GET", f"/api/appointments?limit=2{after and '&after=' + after}")
        seen += [one["id"] for one in page["data"]]
        after = page["next"]
    assert seen == [one["id"] for one in (other, made["15:00"], made["13:00"], made["11:00"], made["9:00"])]

    def ids(query):
        return [one["id"] for one in caller("GET", f"/api/appointments?{query}")[1]["data"]]

    assert ids("status=cancelled") == [made["11:00"]["id"]]
    assert ids(f"practitioner_id={practitioner}&status=confirmed&from={DAY}T12:00:00Z") == [
        made["15:00"]["id"], made["13:00"]["id"],
    ]  # fmt: skip
    assert ids(f"practitionerId={practitioner}&to={DAY}T09:00:00Z") == [made["9:00"]["id"]]
    for wrong in ("after=x", "limit=101", "status=lost", "from=yesterday", "practitionerId=0"):
        assert caller("GET", f"/api/appointments?{wrong}")[0] == 400


def test_the_same_key_books_once(caller, book):
    body = {"date": DAY, "time": "9:00"}
    first = caller("POST", "/api/appointments", body, Idempotency_Key="k")
    assert caller("POST", "/api/appointments", body, Idempotency_Key="k") == first
    assert caller("POST", "/api/appointments", {**body, "notes": "x"}, Idempotency_Key="k")[0] == 409
    assert len(caller("GET", "/api/appointments")[1]["data"]) == 1


def test_a_practitioners_new_zone_moves_no_appointment(caller, book, practitioner):
    _, made = book(practitionerId=practitioner, date=DAY, time="10:00")
    caller("PATCH", f"/api/practitioners/{practitioner}", {"timezone": "Pacific/Honolulu"})
    assert caller("GET", path(made)) == (200, made)
    _, moved = caller("PATCH", path(made), {"date": DAY, "time": "10:00"})
    assert (moved["scheduledAt"], moved["timezone"]) == (f"{DAY}T20:00:00Z", "Pacific/Honolulu")
