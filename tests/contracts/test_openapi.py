"""The whole server held to its own OpenAPI document: no 5xx, no undocumented reply."""

from __future__ import annotations

import json
import re

import pytest

from rallypoint.testing.server import ServerProcess
from support.conformance import schemathesis

SIGNS_OUT = ("--exclude-path-regex", "^/api/session|/resume$")  # of two such options the last alone counts
# Rules across fields and of state (ROOM_ENDED, a taken address) cannot be written in a schema.
RULES_OF_STATE = ("--exclude-checks", "positive_data_acceptance")


@pytest.mark.slow
async def test_every_reply_is_documented_and_none_is_a_failure(tmp_path):
    env = {"RALLYPOINT_RATE_LIMITS": "off", "RALLYPOINT_SAFE_MODE": "on", "RALLYPOINT_LOG_LEVEL": "error"}
    with ServerProcess(tmp_path / "data", env) as server:
        setup = re.findall(r"rp_setup_\w+", server.log.read_text())[-1]
        user = {"email": "op@example.com", "password": "correct horse battery", "setup_token": setup}
        token = server.request("POST", "/api/registration", {"user": user})[1]["token"]
        report = await schemathesis(
            server.url, tmp_path, token=token, examples=8, options=(*SIGNS_OUT, *RULES_OF_STATE)
        )
        assert "passed" in report
        assert "Traceback" not in server.log.read_text()


def test_the_document_describes_rooms_and_what_is_sent_out(server):
    status, document = server.request("GET", "/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert {"get", "post"} <= document["paths"]["/api/v1/rooms"].keys()
    assert set(document["webhooks"]) == {
        "room.created", "room.updated", "room.ended", "participant.joined", "participant.left",
        "appointment.created", "appointment.updated", "appointment.cancelled", "appointment.completed",
        "call.received",
    }  # fmt: skip


def test_the_postman_collection_has_every_operation(server):
    _, document = server.request("GET", "/openapi.json")
    _, collection = server.request("GET", "/docs/postman_collection.json")
    operations = sum(len(methods) for methods in document["paths"].values())
    assert json.dumps(collection).count('"method":') == operations
