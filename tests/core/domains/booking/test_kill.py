"""A server that dies right after a booking: the booking stands, and its meeting is made by the next one."""

from __future__ import annotations

import json
import time

import pytest

from rallypoint.testing.install import install_plugin
from rallypoint.testing.server import ServerProcess

CODE = """
import json
import os
from pathlib import Path

from rallypoint.domains.booking.api import Meeting, MeetingProvider
from rallypoint.sdk import RetryLater, hookimpl

BOOK = Path(os.environ["ACME_BOOK"])


async def create(request):
    if os.environ["ACME_AWAY"] == "yes":
        raise RetryLater("away")
    with BOOK.open("a") as file:
        file.write(json.dumps({"request": request.request_id, "start": request.start}) + chr(10))
    return Meeting("https://meet.example.com/" + request.request_id, request.request_id)


async def update(request, meeting):
    return meeting


async def cancel(request, meeting):
    pass


@hookimpl
def register_meeting_providers(ctx):
    return [MeetingProvider("acme", "Acme", create, update, cancel)]
"""


@pytest.mark.slow
def test_a_booking_and_its_meeting_outlive_a_kill(tmp_path, server_env):
    site, book = tmp_path / "site", tmp_path / "book.jsonl"
    install_plugin(site, "acmemeet", CODE, manifest='name = "acmemeet"\ntitle = "Acme"\n')
    env = {
        **server_env(), "PYTHONPATH": str(site), "ACME_BOOK": str(book), "ACME_AWAY": "yes",
        "RALLYPOINT_PLUGINS": "acmemeet", "RALLYPOINT_RATE_LIMITS": "off",
    }  # fmt: skip
    with ServerProcess(tmp_path / "var", env) as server:
        token = server.register("ada@example.com")
        body = {"date": "2090-06-01", "time": "9:00", "meeting": "acme"}
        status, made = server.request("POST", "/api/appointments", body, token=token)
        server.kill()
        assert (status, made["meetings"][0]["status"]) == (201, "pending")
        server._env["ACME_AWAY"] = "no"
        server.start()
        path, until = f"/api/appointments/{made['id']}", time.monotonic() + 120
        while True:
            shown = server.request("GET", path, token=token)[1]
            if shown["meetingUrl"] or time.monotonic() > until:
                break
            time.sleep(0.2)
        (line,) = book.read_text().splitlines()
    assert shown["status"] == "confirmed"
    assert shown["meetingUrl"] == f"https://meet.example.com/{json.loads(line)['request']}"
