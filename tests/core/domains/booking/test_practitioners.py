"""Practitioners and schedules over REST, on both columns."""

from __future__ import annotations

import pytest

ADA = {
    "name": "Dr. Ada",
    "specialty": "Anxiety",
    "reviews": 12,
    "rating": 4.5,
    "price": 120,
    "imageUrl": "https://example.com/ada.png",
    "badge": "Top rated",
    "education": "Edinburgh",
    "degree": "PhD",
    "locationType": "both",
    "conditions": ["Anxiety", "Grief"],
    "bio": "Hello <b>there</b> ☂",
    "yearsExperience": 9,
    "approach": "CBT",
    "languages": ["English", "नेपाली"],
    "certifications": ["BACP"],
    "availability": "Mornings",
    "insuranceAccepted": ["AXA"],
    "sessionFormat": ["Individual"],
    "email": "ada@example.com",
    "preferredVideoPlatform": "google-meet",
    "timezone": "Asia/Kathmandu",
}


def snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def test_every_column_is_kept_in_both_spellings(alice):
    status, made = alice("POST", "/api/practitioners", ADA)
    assert status == 201
    assert {name: made[name] for name in ADA} == ADA
    assert isinstance(made["id"], int)
    _, other = alice("POST", "/api/practitioners", {snake(name): value for name, value in ADA.items()})
    assert {name: other[name] for name in ADA} == ADA
    assert alice("GET", f"/api/practitioners/{other['id']}") == (200, other)


def test_a_name_is_enough_and_the_documented_defaults_fill_in(alice):
    status, made = alice("POST", "/api/practitioners", {"name": "Bo"})
    assert status == 201
    expected = {
        "reviews": 0, "rating": 5, "price": None, "locationType": "online", "yearsExperience": 0,
        "languages": ["English"], "availability": "Weekdays 9am - 5pm", "email": "",
        "preferredVideoPlatform": "zoom", "timezone": "UTC", "userId": None,
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected


def test_a_change_leaves_what_it_does_not_name(alice):
    _, made = alice("POST", "/api/practitioners", ADA)
    status, changed = alice("PATCH", f"/api/practitioners/{made['id']}", {"timezone": "Pacific/Honolulu"})
    assert status == 200
    assert {**made, "timezone": "Pacific/Honolulu", "updatedAt": changed["updatedAt"]} == changed


def test_the_user_of_a_practitioner_is_one_of_the_account(alice, bob):
    me = alice("GET", "/api/me")[1]["id"]
    _, made = alice("POST", "/api/practitioners", {"name": "Me", "userId": me})
    assert made["userId"] == me
    foreign = bob("GET", "/api/me")[1]["id"]
    status, refused = alice("POST", "/api/practitioners", {"name": "Not me", "user_id": foreign})
    assert (status, list(refused["details"])) == (400, ["userId"])
    assert alice("PATCH", f"/api/practitioners/{made['id']}", {"userId": None})[1]["userId"] is None


def test_an_address_of_one_of_the_accounts_users_says_who_they_are(alice):
    me = alice("GET", "/api/me")[1]
    _, made = alice("POST", "/api/practitioners", {"name": "Me", "email": me["email"].upper()})
    assert made["userId"] == me["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x\x00"}, "name"),
        ({"name": "A", "rating": 5.1}, "rating"),
        ({"name": "A", "reviews": -1}, "reviews"),
        ({"name": "A", "price": "12"}, "price"),
        ({"name": "A", "timezone": "Mars/Olympus"}, "timezone"),
        ({"name": "A", "languages": ["x"] * 51}, "languages"),
        ({"name": "A", "imageUrl": "javascript:alert(1)"}, "imageUrl"),
        ({"name": "A", "email": "a@b.c\r\nBcc: d@e.f"}, "email"),
        ({"name": "A", "userId": 2**63}, "userId"),
    ],
)
def test_what_is_out_of_its_limits_is_refused_by_name(alice, body, field):
    status, refused = alice("POST", "/api/practitioners", body)
    assert (status, type(refused["error"])) == (400, str)
    assert any(name.startswith(field) for name in refused["details"])


def test_another_account_sees_none_of_it(alice, bob, practitioner):
    path = f"/api/practitioners/{practitioner}"
    assert bob("GET", path) == (404, {"error": "Practitioner not found"})
    assert bob("PATCH", path, {"name": "Mine"})[0] == 404
    assert bob("GET", f"{path}/schedules")[0] == 404
    assert (
        bob("POST", f"{path}/schedules", {"dayOfWeek": 1, "startTime": "9:00", "endTime": "10:00"})[0] == 404
    )
    assert bob("GET", "/api/practitioners")[1]["data"] == []
    assert alice("GET", path)[1]["name"] == "Dr. Ada"


@pytest.mark.parametrize("wrong", ["0", "01", "-1", "x", "1.0", "9" * 30, "9223372036854775808", "%31%00"])
def test_a_malformed_id_names_nothing(alice, wrong):
    assert alice("GET", f"/api/practitioners/{wrong}")[0] == 404


def test_lists_are_paged(alice):
    made = [alice("POST", "/api/practitioners", {"name": f"P{n}"})[1]["id"] for n in range(3)]
    _, first = alice("GET", "/api/practitioners?limit=2")
    assert ([one["id"] for one in first["data"]], first["next"]) == (made[:2], made[1])
    _, last = alice("GET", f"/api/practitioners?limit=2&after={first['next']}")
    assert ([one["id"] for one in last["data"]], last["next"]) == (made[2:], None)
    assert alice("GET", "/api/practitioners?limit=0")[0] == 400


def test_schedules_come_in_the_order_of_the_week_and_go(alice):
    _, made = alice("POST", "/api/practitioners", {"name": "Dr. Ada"})
    path = f"/api/practitioners/{made['id']}/schedules"
    late = {"day_of_week": 5, "start_time": "2:00 PM", "end_time": "24:00", "slot_duration_minutes": 30}
    status, friday = alice("POST", path, late)
    assert status == 201
    shown = {name: friday[name] for name in ("practitionerId", "dayOfWeek", "startTime", "endTime")}
    assert shown == {
        "practitionerId": made["id"], "dayOfWeek": 5, "startTime": "14:00:00", "endTime": "24:00:00",
    }  # fmt: skip
    assert friday["slotDurationMinutes"] == 30
    _, sunday = alice("POST", path, {"dayOfWeek": 0, "startTime": "09:00", "endTime": "12:00 PM"})
    assert [one["id"] for one in alice("GET", path)[1]["data"]] == [sunday["id"], friday["id"]]
    assert alice("DELETE", f"{path}/{friday['id']}")[0] == 200
    assert alice("DELETE", f"{path}/{friday['id']}") == (404, {"error": "Schedule not found"})
    assert [one["id"] for one in alice("GET", path)[1]["data"]] == [sunday["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {"dayOfWeek": 7, "startTime": "9:00", "endTime": "10:00"},
        {"dayOfWeek": 1, "startTime": "9:00", "endTime": "9:00"},
        {"dayOfWeek": 1, "startTime": "10:00", "endTime": "9:00"},
        {"dayOfWeek": 1, "startTime": "24:00", "endTime": "24:00"},
        {"dayOfWeek": 1, "startTime": "9:00", "endTime": "10:00", "slotDurationMinutes": 0},
        {"dayOfWeek": 1, "startTime": 9, "endTime": "10:00"},
        {"dayOfWeek": 1, "startTime": "9:00"},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(alice, body):
    _, made = alice("POST", "/api/practitioners", {"name": "Dr. Ada"})
    assert alice("POST", f"/api/practitioners/{made['id']}/schedules", body)[0] == 400


def test_the_same_key_adds_one_practitioner(alice):
    made = [alice("POST", "/api/practitioners", {"name": "Once"}, Idempotency_Key="k1") for _ in range(2)]
    assert made[0] == made[1]
    assert len(alice("GET", "/api/practitioners")[1]["data"]) == 1
