"""Everything of an account goes out on request, and goes away on request, and nothing of anybody else's does."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from rallypoint.cli import main
from rallypoint.storage.ids import new_id


@pytest.fixture
def rallypoint(server):
    def run(*arguments, input=None):
        return CliRunner().invoke(main, list(arguments), env=server._env, input=input)

    return run


def exported(result) -> dict[str, list[dict]]:
    assert result.exit_code == 0, result.output
    tables: dict[str, list[dict]] = {}
    for line in result.stdout.splitlines():
        one = json.loads(line)
        tables.setdefault(one["table"], []).append(one["row"])
    return tables


def furnish(server, email):
    """Give an account something in most tables, and return its token and its room."""
    token = server.register(email)
    hook = {"webhook_url": "http://127.0.0.1:9/hook"}
    room = server.request("POST", "/api/v1/rooms", {"name": f"of {email}", **hook}, token=token)[1]["data"][
        "id"
    ]
    server.request("POST", f"/api/v1/rooms/{room}/join", {}, token=token)
    integration = {"service_name": "acme", "api_key": "key-of-mine", "sync_enabled": False}
    assert server.request("POST", f"/api/v1/rooms/{room}/integrations", integration, token=token)[0] == 201
    furnish_booking(server, token)
    key = server.request("POST", "/api/personal_api_keys", {"label": "s", "sandbox": True}, token=token)[1]
    assert server.request("POST", "/api/v1/rooms", {"name": "Sandy"}, token=key["data"]["value"])[0] == 201
    return token, room


def furnish_booking(server, token):
    """Give an account something in each of booking's tables."""

    def post(path, body):
        status, made = server.request("POST", path, body, token=token)
        assert status == 201, made
        return made["id"]

    ada = post("/api/practitioners", {"name": "Dr. Ada"})
    post(f"/api/practitioners/{ada}/schedules", {"dayOfWeek": 1, "startTime": "9:00", "endTime": "17:00"})
    when = {"date": "2090-06-01", "time": "9:00", "meeting": True}
    post("/api/appointments", {**when, "practitionerId": ada, "customerEmail": "john@example.com"})
    post("/api/calls", {"customerPhone": "+44 7700 900123", "transcript": "Hello"})


BOOKING = {
    "practitioners", "practitioner_schedules", "appointments", "appointment_meetings", "calls", "customers",
}  # fmt: skip


@pytest.mark.slow
def test_an_account_is_exported_and_erased(server, rallypoint):
    gone, kept = f"{new_id()}@example.com", f"{new_id()}@example.com"
    token, room = furnish(server, gone)
    other, others_room = furnish(server, kept)
    assert server.request("POST", f"/api/v1/rooms/{others_room}/join", {}, token=token)[0] == 201

    result = rallypoint("export", gone)
    tables = exported(result)
    assert {row["name"] for row in tables["rooms"]} == {f"of {gone}", "Sandy"}
    assert [row["mode"] for row in tables["accounts"]] == ["live", "sandbox"]
    assert {row["room_id"] for row in tables["room_participants"]} == {room, others_room}
    assert {
        "users",
        "sessions",
        "api_keys",
        "events",
        "webhook_targets",
        "room_integrations",
        *BOOKING,
    } <= tables.keys()
    assert not {"password", "host_url"} & tables["appointment_meetings"][0].keys()
    assert kept not in result.stdout
    assert "password_hash" not in tables["users"][0]
    assert "secret" not in tables["webhook_targets"][0]
    assert "api_key" not in tables["room_integrations"][0]
    before = exported(rallypoint("export", kept))

    assert rallypoint("erase", gone, input="n\n").exit_code == 1
    assert rallypoint("erase", tables["accounts"][0]["id"], "--yes").exit_code == 0
    assert server.request("GET", "/api/v1/rooms", token=token)[0] == 401
    assert "nobody has registered" in rallypoint("export", gone).output
    assert exported(rallypoint("export", kept)).keys() >= BOOKING
    assert "nobody has registered" in rallypoint("erase", gone, "--yes").output
    status, reply = server.request("GET", f"/api/v1/rooms/{others_room}", token=other)
    assert (status, reply["data"]["current_participants"]) == (200, 1)

    after = exported(rallypoint("export", kept))
    assert {row["id"] for row in after["rooms"]} == {row["id"] for row in before["rooms"]}
    assert {row["user_id"] for row in after["room_participants"]} == {after["users"][0]["id"]}
    assert "participant.left" in [row["type"] for row in after["events"]]
