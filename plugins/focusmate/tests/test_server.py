"""The plugin in a real server process: installed, configured by variables, used by curl."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rallypoint.testing.server import ServerProcess
from rallypoint.testing.waiting import eventually
from rallypoint_focusmate.fake import FocusmateFake

pytestmark = pytest.mark.slow


async def test_a_user_connects_and_sees_the_partner_arrive(
    fake: FocusmateFake, rallypoint_server: Callable[..., ServerProcess]
) -> None:
    fake.book("s1", datetime.now(UTC) - timedelta(minutes=1), users=("fm-me", "fm-partner"))
    server = await asyncio.to_thread(
        rallypoint_server,
        RALLYPOINT_FOCUSMATE_API_URL=fake.api_url,
        RALLYPOINT_FOCUSMATE_SYNC_SECONDS="5",
        RALLYPOINT_RATE_LIMITS="false",  # it is asked often here
    )
    token = await asyncio.to_thread(server.register, "mia@example.com")

    async def ask(method: str, path: str, body: Any = None) -> Any:
        _, reply = await asyncio.to_thread(server.request, method, path, body, token=token)
        return reply

    connected = await ask("PUT", "/api/v1/connections/focusmate", {"api_key": "demo-key"})
    assert connected["data"]["label"] == "Mia"

    async def rooms() -> Any:
        return (await ask("GET", "/api/v1/rooms"))["data"]

    (room,) = await eventually(rooms)
    assert (room["external_service_name"], room["external_service_id"]) == ("focusmate", "s1")
    assert (room["status"], room["current_participants"]) == ("active", 0)

    fake.join("s1", "fm-partner")

    async def people() -> Any:
        return (await ask("GET", f"/api/v1/rooms/{room['id']}/participants"))["data"]

    assert len(await eventually(people)) == 1

    fake.complete("s1")
    synced = await ask(
        "POST",
        f"/api/v1/rooms/{room['id']}/sync",
        {"external_room_id": "s1", "external_service_name": "focusmate"},
    )
    assert synced["sync"]["status"] == "synced"
    assert synced["data"]["status"] == "ended"
    assert "demo-key" not in server.log.read_text()
