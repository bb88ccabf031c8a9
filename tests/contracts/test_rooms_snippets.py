"""rooms.md's examples for Focusmate, Study Together and Flow Club, run by Node.js against a running server."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rallypoint.storage.ids import is_id, new_id
from support.node import need_node

pytestmark = pytest.mark.node
SNIPPETS = Path(__file__).parent / "rooms" / "snippets.cjs"


def run(caller, name, given, webhook="https://your-service.com/webhooks/neurotype"):
    env = {
        **os.environ,
        "API": caller.server.url,
        "TOKEN": caller.token,
        "WEBHOOK": webhook,
        "INPUT": json.dumps(given),
    }
    done = subprocess.run(
        [need_node(), str(SNIPPETS), name], env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_room_from_a_focusmate_session(alice):
    session = {"id": new_id(), "start_time": "2125-11-08T08:00:00Z", "end_time": "2125-11-08T08:50:00Z"}
    reply = run(alice, "focusmate", session)
    assert reply["status"] == 201
    assert reply["body"]["data"]["external_service_id"] == session["id"]
    assert reply["body"]["data"]["status"] == "scheduled"
    assert reply["body"]["data"]["is_public"] is False


def test_a_focusmate_service_hears_of_partner_and_end(alice):
    (joined_room, joined), (ended_room, ended) = run(alice, "focusmateWebhook", None)
    assert joined_room == ended_room
    assert joined["partner_joined"] is True
    assert is_id(joined["partner_id"])
    assert ended == "complete"


def test_a_study_room_is_mapped(alice):
    study = {"id": new_id(), "name": "Library", "description": "Quiet", "capacity": 25, "tags": ["study"]}
    (mapping,) = run(alice, "studyTogether", study)
    assert mapping["study_together_id"] == study["id"]
    status, reply = alice("GET", f"/api/v1/rooms/{mapping['neurotype_id']}")
    assert (status, reply["data"]["max_participants"], reply["data"]["tags"]) == (200, 25, ["study"])


def test_flow_club_in_both_directions(alice):
    session = {
        "id": new_id(),
        "title": "Flow",
        "start_time": "2125-01-01T10:00:00Z",
        "end_time": "2125-01-01T11:00:00Z",
    }
    added = run(alice, "flowClub", session)
    assert added["session"] == session["id"]
    assert len(added["user"]) == 36
