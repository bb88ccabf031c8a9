"""rooms.md, endpoint for endpoint, against a running server."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from rallypoint.storage.ids import new_id

ROOM_FIELDS = {
    "id", "name", "description", "room_type", "created_by", "is_public", "max_participants",
    "current_participants", "tags", "scheduled_start", "scheduled_end", "status", "webrtc_room_id",
    "external_service_id", "external_service_name", "created_at", "updated_at",
}  # fmt: skip


def create(caller, **fields):
    status, reply = caller("POST", "/api/v1/rooms", {"name": "Focus", **fields})
    assert status == 201, reply
    return reply["data"]


def in_seconds(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_only_a_name_is_needed_and_the_rest_has_the_documented_defaults(alice):
    room = create(alice)
    assert room.keys() >= ROOM_FIELDS
    assert (room["room_type"], room["is_public"], room["max_participants"]) == ("video", True, 10)
    assert (room["status"], room["current_participants"], room["tags"]) == ("active", 0, [])
    assert room["webhook_secret"] is None


def test_the_documented_creation_comes_back_as_it_was_sent(alice):
    room = create(
        alice,
        name="Morning Focus Session",
        description="Early morning productivity",
        max_participants=8,
        tags=["morning", "productivity"],
        scheduled_start="2125-11-08T08:00:00Z",
        scheduled_end="2125-11-08T11:00:00+01:00",
        webhook_url="https://your-service.com/webhooks/neurotype",
    )
    assert room["status"] == "scheduled"
    assert (room["scheduled_start"], room["scheduled_end"]) == (
        "2125-11-08T08:00:00Z",
        "2125-11-08T10:00:00Z",
    )
    assert room["webhook_secret"].startswith("whsec_")
    status, reply = alice("GET", f"/api/v1/rooms/{room['id']}")
    assert status == 200
    assert "webhook_secret" not in reply["data"]
    assert {**reply["data"], "webhook_secret": room["webhook_secret"]} == room


def test_a_list_shows_live_rooms_newest_first_and_filters(alice):
    first, second = create(alice, is_public=False), create(alice, is_public=False, room_type="silent")
    ended = create(alice, is_public=False)
    alice("POST", f"/api/v1/rooms/{ended['id']}/end")

    def ids(query):
        status, reply = alice("GET", f"/api/v1/rooms?is_public=false{query}")
        assert status == 200
        return [room["id"] for room in reply["data"]]

    assert ids("") == [second["id"], first["id"]]
    assert ids("&type=silent") == [second["id"]]
    assert ids("&status=ended") == [ended["id"]]
    assert ids("&status=scheduled") == []


def test_pages_follow_each_other_without_gap_or_repeat(alice):
    made = [create(alice, is_public=False)["id"] for _ in range(5)]
    seen, cursor = [], ""
    while True:
        status, reply = alice("GET", f"/api/v1/rooms?is_public=false&limit=2{cursor}")
        assert status == 200
        seen += [room["id"] for room in reply["data"]]
        if reply["next"] is None:
            break
        cursor = f"&after={reply['next']}"
    assert seen == made[::-1]


def test_a_bad_cursor_or_filter_is_refused_by_name(alice):
    for query, field in (("after=nonsense", "after"), ("limit=0", "limit"), ("status=open", "status")):
        status, reply = alice("GET", f"/api/v1/rooms?{query}")
        assert (status, reply["error"]["code"]) == (400, "VALIDATION_FAILED")
        assert field in reply["error"]["details"]


def test_a_private_room_of_others_does_not_exist(alice, bob):
    room = create(alice, is_public=False)
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/join"),
        ("POST", "/end"),
        ("GET", "/participants"),
    ):
        status, reply = bob(method, f"/api/v1/rooms/{room['id']}{path}", {} if method != "GET" else None)
        assert (status, reply["error"]["code"]) == (404, "ROOM_NOT_FOUND")


def test_a_public_room_of_others_may_be_joined_but_not_changed(alice, bob):
    room = create(alice)
    assert bob("POST", f"/api/v1/rooms/{room['id']}/join")[0] == 201
    for method, path in (("PATCH", ""), ("POST", "/end"), ("POST", "/integrations"), ("POST", "/sync")):
        body = {"service_name": "x", "external_service_name": "x", "external_room_id": "1"}
        status, reply = bob(method, f"/api/v1/rooms/{room['id']}{path}", body)
        assert (status, reply["error"]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("room_id", ["nonsense", "%00", "A" * 300, "00000000-0000-0000-0000-000000000000"])
def test_a_malformed_or_unknown_id_is_404(alice, room_id):
    status, reply = alice("GET", f"/api/v1/rooms/{room_id}")
    assert (status, reply["error"]["code"]) == (404, "ROOM_NOT_FOUND")


def test_joining_leaving_and_rejoining(alice):
    path = f"/api/v1/rooms/{create(alice)['id']}"
    status, first = alice("POST", f"{path}/join", {"camera_enabled": True, "peer_id": "peer-xyz789"})
    assert status == 201
    stay = first["data"]
    assert (stay["is_active"], stay["camera_enabled"], stay["microphone_enabled"]) == (True, True, False)
    status, again = alice("POST", f"{path}/join", {"microphone_enabled": True})
    assert (status, again["data"]["id"]) == (200, stay["id"])
    assert (again["data"]["camera_enabled"], again["data"]["microphone_enabled"]) == (True, True)
    assert [p["id"] for p in alice("GET", f"{path}/participants")[1]["data"]] == [stay["id"]]
    assert alice("POST", f"{path}/leave") == (200, {"success": True, "message": "Left room successfully"})
    assert alice("POST", f"{path}/leave")[0] == 404
    status, new = alice("POST", f"{path}/join")
    assert status == 201
    assert new["data"]["id"] != stay["id"]
    assert new["data"]["peer_id"] is None


def test_exactly_as_many_get_in_as_the_room_holds(alice, server, new_caller):
    room = create(alice, max_participants=10)
    with ThreadPoolExecutor(16) as pool:
        callers = list(pool.map(lambda _: new_caller(), range(25)))
        replies = list(pool.map(lambda one: one("POST", f"/api/v1/rooms/{room['id']}/join"), callers * 4))
    inside = {reply["data"]["user_id"] for status, reply in replies if status in (200, 201)}
    refused = [reply for status, reply in replies if status not in (200, 201)]
    assert len(inside) == 10
    assert sum(status == 201 for status, _ in replies) == 10
    assert {r["error"]["code"] for r in refused} == {"ROOM_FULL"}
    assert refused[0]["error"]["details"] == {"current_participants": 10, "max_participants": 10}
    assert len(alice("GET", f"/api/v1/rooms/{room['id']}/participants")[1]["data"]) == 10


def test_an_ended_room_is_history(alice):
    path = f"/api/v1/rooms/{create(alice)['id']}"
    alice("POST", f"{path}/join")
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda _: alice("POST", f"{path}/end"), range(2)))
    assert ends == [(200, {"success": True, "message": "Room ended successfully"})] * 2
    room = alice("GET", path)[1]["data"]
    assert (room["status"], room["current_participants"]) == ("ended", 0)
    for method, suffix in (("POST", "/join"), ("PATCH", "")):
        status, reply = alice(method, path + suffix, {})
        assert (status, reply["error"]["code"]) == (400, "ROOM_ENDED")


def test_two_ends_at_once_are_one_event(alice):
    path = f"/api/v1/rooms/{create(alice, webhook_url='https://example.com/hook')['id']}"
    with ThreadPoolExecutor(8) as pool:
        assert {status for status, _ in pool.map(lambda _: alice("POST", f"{path}/end"), range(8))} == {200}
    (webhook,) = alice("GET", "/api/v1/webhooks")[1]["data"]
    deadline, events = time.monotonic() + 10, []
    while "room.ended" not in events and time.monotonic() < deadline:
        deliveries = alice("GET", f"/api/v1/webhooks/{webhook['id']}/deliveries")[1]["data"]
        events = [delivery["event"] for delivery in deliveries]
    assert sorted(events) == ["room.created", "room.ended"]


def test_changes_are_checked_against_what_the_room_is(alice):
    room = create(alice, max_participants=2)
    path = f"/api/v1/rooms/{room['id']}"
    alice("POST", f"{path}/join")
    status, reply = alice("PATCH", path, {"name": "Updated Room Name", "max_participants": 12, "tags": ["x"]})
    assert status == 200
    assert (reply["data"]["name"], reply["data"]["max_participants"], reply["data"]["tags"]) == (
        "Updated Room Name",
        12,
        ["x"],
    )
    assert reply["data"]["description"] == room["description"]
    assert alice("PATCH", path, {"max_participants": 0})[0] == 400
    assert alice("PATCH", path, {"status": "scheduled"})[0] == 400
    assert (
        alice(
            "PATCH",
            path,
            {"scheduled_start": "2125-01-02T00:00:00Z", "scheduled_end": "2125-01-01T00:00:00Z"},
        )[0]
        == 400
    )
    assert alice("PATCH", path, {"name": None})[0] == 400
    assert alice("PATCH", path, {"status": "ended"})[1]["data"]["status"] == "ended"


def test_capacity_never_goes_below_who_is_there(alice, bob):
    path = f"/api/v1/rooms/{create(alice)['id']}"
    alice("POST", f"{path}/join"), bob("POST", f"{path}/join")
    status, reply = alice("PATCH", path, {"max_participants": 1})
    assert status == 400
    assert "max_participants" in reply["error"]["details"]


def test_a_room_starts_and_ends_at_its_times(alice):
    room = create(alice, scheduled_start=in_seconds(0.6), scheduled_end=in_seconds(1.6))
    path = f"/api/v1/rooms/{room['id']}"
    assert room["status"] == "scheduled"
    assert alice("POST", f"{path}/join")[0] == 201
    seen, deadline = ["scheduled"], time.monotonic() + 10
    while seen[-1] != "ended" and time.monotonic() < deadline:
        status = alice("GET", path)[1]["data"]["status"]
        seen += [status] if status != seen[-1] else []
        time.sleep(0.05)
    assert seen == ["scheduled", "active", "ended"]
    assert alice("GET", f"{path}/participants")[1]["data"] == []


def test_the_same_external_session_is_one_room_for_the_account(alice, bob):
    body = {"name": "Synced", "external_service_id": "st-1", "external_service_name": "study-together"}
    status, first = alice("POST", "/api/v1/rooms", body)
    assert status == 201
    status, second = alice("POST", "/api/v1/rooms", {**body, "name": "Renamed"})
    assert (status, second["data"]["id"], second["data"]["name"]) == (200, first["data"]["id"], "Renamed")
    status, other = bob("POST", "/api/v1/rooms", body)
    assert (status, other["data"]["id"] != first["data"]["id"]) == (201, True)


def test_an_integration_is_created_updated_and_never_shows_its_key(alice):
    path = f"/api/v1/rooms/{create(alice)['id']}/integrations"
    body = {
        "service_name": "focusmate",
        "webhook_url": "https://your-service.com/webhooks/neurotype",
        "api_key": "your-api-key",
        "sync_enabled": True,
    }
    status, reply = alice("POST", path, body)
    made = reply["data"]
    assert status == 201
    assert made["webhook_secret"].startswith("whsec_")
    assert "your-api-key" not in str(reply)
    status, reply = alice("POST", path, {**body, "sync_enabled": False})
    assert (status, reply["data"]["id"], reply["data"]["sync_enabled"]) == (200, made["id"], False)
    assert reply["data"]["webhook_secret"] is None


def test_linking_to_a_service_that_cannot_be_asked_is_inbound_only(alice):
    room = create(alice)
    body = {"external_room_id": f"x-{new_id()}", "external_service_name": "nobody"}
    status, reply = alice("POST", f"/api/v1/rooms/{room['id']}/sync", body)
    assert status == 200
    assert reply["sync"] == {"status": "inbound_only", "changed": []}
    assert reply["data"]["external_service_id"] == body["external_room_id"]
    other = create(alice)
    assert alice("POST", f"/api/v1/rooms/{other['id']}/sync", body)[0] == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": "x", "max_participants": "8"}, "max_participants"),
        ({"name": "x", "room_type": "hologram"}, "room_type"),
        ({"name": "x", "tags": "a"}, "tags"),
        ({"name": "x", "tags": ["a"] * 21}, "tags"),
        ({"name": "x", "scheduled_start": "2025-11-08T08:00:00"}, "scheduled_start"),
        ({"name": "x", "scheduled_start": "yesterday"}, "scheduled_start"),
        ({"name": "x", "webhook_url": "ftp://example.com"}, "webhook_url"),
    ],
)
def test_what_is_wrong_is_named(alice, body, field):
    status, reply = alice("POST", "/api/v1/rooms", body)
    assert (status, reply["error"]["code"]) == (400, "VALIDATION_FAILED")
    assert any(name.split(".")[0] == field for name in reply["error"]["details"]), reply


def test_without_a_token_nothing_opens(server):
    for token in ("", "nonsense", "rp_live_nonsense"):
        status, reply = server.request("GET", "/api/v1/rooms", token=token)
        assert (status, reply["error"]["code"]) == (401, "UNAUTHORIZED")


def test_the_sandbox_is_a_world_of_its_own(alice, server):
    status, reply = alice("POST", "/api/personal_api_keys", {"label": "try", "sandbox": True})
    assert status == 201
    key = reply["data"]["value"]
    assert key.startswith("test_sk_")
    live = create(alice)
    status, reply = server.request("POST", "/api/v1/rooms", {"name": "Play"}, token=key)
    assert status == 201
    assert alice("GET", f"/api/v1/rooms/{reply['data']['id']}")[0] == 404
    assert server.request("GET", f"/api/v1/rooms/{live['id']}", token=key)[0] == 404


def test_an_idempotency_key_replays_the_first_reply(alice):
    body, key = {"name": "Once", "is_public": False}, new_id()
    first = alice("POST", "/api/v1/rooms", body, Idempotency_Key=key)
    assert first[0] == 201
    assert alice("POST", "/api/v1/rooms", body, Idempotency_Key=key) == first
    assert alice("POST", "/api/v1/rooms", {**body, "name": "Twice"}, Idempotency_Key=key)[0] == 409
    names = [room["name"] for room in alice("GET", "/api/v1/rooms?is_public=false")[1]["data"]]
    assert names == ["Once"]
