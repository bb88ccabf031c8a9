"""The stand-in refuses what Zoom refuses, and answers as Zoom describes it."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from rallypoint_zoom.fake import ZoomFake

from .openapi import zoom_document

GOOD = {"topic": "T", "type": 2, "start_time": "2027-01-01T10:00:00Z", "duration": 30, "timezone": "UTC"}
USER = "/v2/users/jane@example.com/meetings"


class Zoom:
    """A client with a token."""

    def __init__(self, session: aiohttp.ClientSession, token: str) -> None:
        self._session, self._headers = session, {"Authorization": f"Bearer {token}"}

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with self._session.request(
            method, path, json=body, headers={**self._headers, **headers}
        ) as reply:
            text = await reply.text()
            said = json.loads(text) if text else None
            if reply.status < 300:
                described = path.removeprefix("/v2").partition("?")[0]
                assert not zoom_document().reply_problems(method, described, reply.status, said)
            return reply.status, said


def basic(client: tuple[str, str] | None) -> dict[str, str]:
    """Return the header by which an app names itself."""
    if client is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(client).encode()).decode()}


@pytest_asyncio.fixture
async def own() -> AsyncIterator[ZoomFake]:
    async with ZoomFake() as running:
        yield running


@pytest_asyncio.fixture
async def zoom(own: ZoomFake) -> AsyncIterator[Zoom]:
    async with aiohttp.ClientSession(own.url) as session:
        form = {"grant_type": "account_credentials", "account_id": own.account}
        async with session.post("/oauth/token", data=form, headers=basic(own.client)) as reply:
            said = await reply.json()
        assert (said["token_type"], said["expires_in"]) == ("bearer", 3600)
        yield Zoom(session, said["access_token"])


async def test_a_meeting_from_its_making_to_its_end(own: ZoomFake, zoom: Zoom) -> None:
    status, made = await zoom("POST", USER, GOOD)
    assert (status, made["topic"], made["host_email"]) == (201, "T", "jane@example.com")
    path = f"/v2/meetings/{made['id']}"
    assert (await zoom("PATCH", path, {"duration": 45}))[0] == 204
    status, shown = await zoom("GET", path)
    assert (status, shown["duration"], shown["start_url"] != made["start_url"]) == (200, 45, True)
    listed = (await zoom("GET", f"{USER}?type=scheduled&page_size=300"))[1]
    assert [one["id"] for one in listed["meetings"]] == [made["id"]]
    assert "start_url" not in listed["meetings"][0]
    own.meetings[made["id"]]["status"] = "started"
    assert (await zoom("DELETE", path))[1]["code"] == 3002
    own.meetings[made["id"]]["status"] = "waiting"
    assert (await zoom("DELETE", path))[0] == 204
    for method in ("GET", "DELETE"):
        assert (await zoom(method, path))[1]["code"] == 3001


async def test_lists_have_pages(zoom: Zoom) -> None:
    for _ in range(5):
        await zoom("POST", USER, GOOD)
    first = (await zoom("GET", f"{USER}?page_size=3"))[1]
    second = (await zoom("GET", f"{USER}?page_size=3&next_page_token={first['next_page_token']}"))[1]
    assert (len(first["meetings"]), len(second["meetings"]), second["next_page_token"]) == (3, 2, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"topic": "x" * 201},
        {"topic": 7},
        {"agenda": "x" * 2001},
        {"start_time": "2027-01-01 10:00"},
        {"start_time": "2027-01-01T10:00:00.000Z"},
        {"start_time": "2027-01-01T10:00:00+01:00"},
        {"duration": "30"},
        {"duration": 0},
        {"duration": True},
        {"timezone": "Mars/Olympus"},
        {"password": "longer than ten"},
        {"settings": {"host_video": "yes"}},
        {"type": 99},
    ],
)
async def test_what_zoom_refuses(zoom: Zoom, wrong: dict[str, Any]) -> None:
    status, said = await zoom("POST", USER, {**GOOD, **wrong})
    assert (status, said["code"], [one["field"] for one in said["errors"]]) == (400, 300, list(wrong))


async def test_who_may_not(own: ZoomFake, zoom: Zoom) -> None:
    assert (await zoom("POST", "/v2/users/jane@elsewhere.org/meetings", GOOD))[1]["code"] == 1001
    assert (await zoom("POST", USER, GOOD, Authorization="Bearer other"))[1]["code"] == 124
    own.scopes.discard("meeting:write")
    assert (await zoom("POST", USER, GOOD))[1]["code"] == 4711
    own.revoke()
    assert (await zoom("GET", "/v2/meetings/1"))[0] == 401


@pytest.mark.parametrize(
    ("auth", "form", "error"),
    [
        (("demo-client", "wrong"), {}, "invalid_client"),
        (None, {}, "invalid_client"),
        (("demo-client", "demo-secret"), {"grant_type": "client_credentials"}, "unsupported_grant_type"),
        (("demo-client", "demo-secret"), {"account_id": "other"}, "invalid_request"),
    ],
)
async def test_tokens_are_for_the_app_alone(
    own: ZoomFake, auth: Any, form: dict[str, str], error: str
) -> None:
    whole = {"grant_type": "account_credentials", "account_id": own.account, **form}
    async with (
        aiohttp.ClientSession(own.url) as session,
        session.post("/oauth/token", data=whole, headers=basic(auth)) as reply,
    ):
        assert (reply.status, (await reply.json())["error"]) == (400, error)


@pytest.mark.slow
async def test_it_runs_alone() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rallypoint_zoom.fake", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        async with aiohttp.ClientSession(url) as session:
            await session.post("/_fake/faults", json={"status": 503, "body": "{}"})
            for expected in (503, 400):
                async with session.post("/oauth/token") as reply:
                    assert reply.status == expected
    finally:
        process.terminate()
        await process.wait()
