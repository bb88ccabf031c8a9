"""The published clients, unchanged, against every transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Run = Callable[..., Awaitable[Any]]
pytestmark = pytest.mark.node
OK: dict[str, Any] = {"status": "ok", "response": {}}


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_socketio_client(run: Run, transport: str) -> None:
    seen = await run("socketio_client.mjs", transport)
    assert seen["refused"] == "unauthorized"
    assert seen["closed"] == {"status": "error", "response": {"reason": "not_found"}}
    assert seen["join"] == {"status": "ok", "response": {"room": {"id": "1"}}}
    assert seen["leave"] == OK
    assert seen["late"] == {"status": "error", "response": {"reason": "unmatched topic"}}
    (first, state), (second, said) = seen["events"]
    assert (first, list(state["payload"])) == ("presence_state", ["user:alice"])
    assert (second, said["topic"], said["payload"]) == ("said", "room:1", {"text": "hello"})
    assert said["id"] == seen["say"]["response"]["id"]


async def test_phoenix_client(run: Run) -> None:
    seen = await run("phoenix_client.mjs")
    assert seen["refused"] == ["error", {"reason": "not_found"}]
    assert seen["join"] == ["ok", {"room": {"id": "1"}}]
    assert seen["presence"] == ["user:alice", "user:bob"]
    assert seen["say"][0] == "ok"
    assert seen["said"] == {"text": "hello"}
    assert seen["unknown"] == ["error", {"reason": "unmatched event"}]
    assert seen["closed"] is True
    assert seen["left"] == "user:bob"


@pytest.mark.parametrize("library", ["@supabase/supabase-js", "supabase-js-old"])
async def test_supabase_client(run: Run, library: str) -> None:
    seen = await run("supabase_client.mjs", library)
    assert seen["status"] == seen["talk"] == ["SUBSCRIBED", None]
    assert seen["tracked"] == seen["sent"] == seen["http"] == "ok"
    assert seen["mood"] == "focused"
    assert seen["heard"]["payload"] == {"hands": 2}
    change = seen["change"]
    assert (change["schema"], change["table"], change["eventType"]) == (
        "public",
        "room_participants",
        "INSERT",
    )
    assert (change["new"]["room_id"], change["new"]["is_active"]) == ("1", True)
    assert change["old"] == {}
    assert seen["refused"] == "CHANNEL_ERROR"
    assert seen["unsubscribed"] == "ok"
