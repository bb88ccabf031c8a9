"""The plugin in a real server process: rooms.md's Flow Club example, both directions."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from plugins.partners.tests.conftest import SECRET, two_way

from rallypoint.testing.server import ServerProcess
from rallypoint.testing.waiting import eventually
from rallypoint_partners.fake import PartnerFake, flow_webhook

pytestmark = pytest.mark.slow
WEBHOOK = "/api/v1/partners/flow-club/webhook"


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def test_a_partners_session_comes_in_and_our_participant_goes_out(
    fake: PartnerFake, rallypoint_server: Callable[..., ServerProcess]
) -> None:
    def start() -> tuple[ServerProcess, str]:
        server = rallypoint_server(RALLYPOINT_RATE_LIMITS="false")
        token = server.register("owner@example.com")
        _, me = server.request("GET", "/api/me", token=token)
        server.stop()
        variables = two_way("FLOW_CLUB", f"{fake.url}/flow-club") | {
            "FLOW_CLUB_ACCOUNT_ID": str(me["data"]["account_id"]),
            "FLOW_CLUB_OWNER_ID": str(me["data"]["uuid"]),
        }
        server._env |= {f"RALLYPOINT_PARTNERS_{name}": value for name, value in variables.items()}
        server.start()
        return server, token

    server, token = await asyncio.to_thread(start)

    async def ask(method: str, path: str, body: Any = None) -> Any:
        _, reply = await asyncio.to_thread(server.request, method, path, body, token=token)
        return reply

    (partner, _) = (await ask("GET", "/api/v1/partners"))["data"]
    assert (partner["name"], partner["direction"]) == ("flow-club", "two-way")

    session = fake.add_flow("f1", title="Morning flow")
    body, headers = flow_webhook(SECRET, "session.created", session, "d1")
    for _ in range(2):
        assert await asyncio.to_thread(post, server.url + WEBHOOK, body, headers) == 200
    assert await asyncio.to_thread(post, server.url + WEBHOOK, body + b" ", headers) == 401

    async def rooms() -> Any:
        return (await ask("GET", "/api/v1/rooms"))["data"]

    (room,) = await eventually(rooms)
    assert (room["name"], room["external_service_id"]) == ("Morning flow", "f1")

    joined = await ask("POST", f"/api/v1/rooms/{room['id']}/join")

    async def added() -> Any:
        return fake.added

    assert await eventually(added) == [("f1", joined["data"]["user_id"])]
    logged = server.log.read_text()
    assert SECRET not in logged
    assert "demo-key" not in logged
    assert json.dumps(session) not in logged
