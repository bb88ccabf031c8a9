"""rooms.md's real-time snippet with the published client, against a running server."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from support.node import need_node, need_packages

pytestmark = pytest.mark.node
SNIPPET = "../contracts/rooms/realtime.mjs"


@pytest.fixture
def watch():
    """Starts the snippet on a room and returns its output, line by line, once it is subscribed."""
    running = []

    def start(caller, room_id, count, channel=None):
        env = {**os.environ, "SUPABASE_URL": caller.server.url, "SUPABASE_KEY": caller.token,
               "ROOM": room_id, "COUNT": str(count)}  # fmt: skip
        script = (need_packages() / SNIPPET).read_text()
        if channel is not None:
            script = script.replace("`room:${roomId}`", repr(channel))
        process = subprocess.Popen(
            [need_node(), "--input-type=module", "-e", script],
            cwd=need_packages(), env=env, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        return (json.loads(line) for line in process.stdout)

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_joining_changing_and_leaving_are_changes_of_rows(alice, watch):
    room = alice("POST", "/api/v1/rooms", {"name": "Watched"})[1]["data"]
    path = f"/api/v1/rooms/{room['id']}"
    lines = watch(alice, room["id"], 3)
    assert next(lines) == {"status": "SUBSCRIBED"}
    alice("POST", f"{path}/join", {"camera_enabled": True})
    alice("POST", f"{path}/join", {"camera_enabled": False})
    alice("POST", f"{path}/leave")
    joined, changed, left = next(lines), next(lines), next(lines)
    assert [one["eventType"] for one in (joined, changed, left)] == ["INSERT", "UPDATE", "UPDATE"]
    assert (joined["new"]["room_id"], joined["new"]["camera_enabled"]) == (room["id"], True)
    assert (changed["old"]["camera_enabled"], changed["new"]["camera_enabled"]) == (True, False)
    assert (left["new"]["is_active"], left["new"]["left_at"] is not None) == (False, True)


def test_a_private_room_of_others_cannot_be_watched(alice, bob, watch):
    room = alice("POST", "/api/v1/rooms", {"name": "Private", "is_public": False})[1]["data"]
    assert next(watch(bob, room["id"], 1))["status"] == "CHANNEL_ERROR"


def test_the_filter_alone_says_which_room_is_meant(alice, watch):
    room = alice("POST", "/api/v1/rooms", {"name": "Watched"})[1]["data"]
    lines = watch(alice, room["id"], 1, channel="anything")
    assert next(lines) == {"status": "SUBSCRIBED"}
    alice("POST", f"/api/v1/rooms/{room['id']}/join")
    assert next(lines)["new"]["room_id"] == room["id"]
