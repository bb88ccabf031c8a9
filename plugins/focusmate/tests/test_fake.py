"""The stand-in refuses what Focusmate refuses, in process and alone."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping

import aiohttp
import pytest

from rallypoint_focusmate.fake import FocusmateFake

WEEK = {"start": "2026-11-21T00:00:00Z", "end": "2026-11-28T00:00:00Z"}
KEY = {"X-API-KEY": "demo-key"}


async def status(url: str, query: Mapping[str, str], headers: Mapping[str, str]) -> int:
    async with aiohttp.ClientSession() as session, session.get(url, params=query, headers=headers) as reply:
        assert (await reply.json()) is not None
        return reply.status


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        (WEEK, KEY, 200),
        (WEEK, {}, 401),
        (WEEK, {"X-API-KEY": "wrong"}, 401),
        ({"start": WEEK["start"]}, KEY, 400),
        ({"end": WEEK["end"]}, KEY, 400),
        ({**WEEK, "start": "yesterday"}, KEY, 400),
        ({"start": WEEK["end"], "end": WEEK["start"]}, KEY, 400),
        ({"start": "2026-01-01", "end": "2027-01-03"}, KEY, 400),
    ],
)
async def test_sessions_are_refused_as_documented(
    fake: FocusmateFake, query: Mapping[str, str], headers: Mapping[str, str], expected: int
) -> None:
    assert await status(f"{fake.api_url}/sessions", query, headers) == expected


async def test_users_are_known_or_not(fake: FocusmateFake) -> None:
    assert await status(f"{fake.api_url}/users/fm-partner", {}, KEY) == 200
    assert await status(f"{fake.api_url}/users/nobody", {}, KEY) == 404


@pytest.mark.slow
async def test_it_runs_alone_and_can_be_told_what_to_do() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rallypoint_focusmate.fake", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        async with aiohttp.ClientSession(url) as session:
            listed = {**WEEK, "start": "2026-01-01T00:00:00Z", "end": "2026-12-31T00:00:00Z"}
            booked = {"sessionId": "s9", "startTime": "2026-11-22T10:00:00Z", "users": [{"userId": "fm-me"}]}
            await session.post("/_fake/sessions", json=booked)
            await session.delete("/_fake/sessions/fm-session-1")
            await session.post("/_fake/faults", json={"status": 503, "body": "{}"})
            async with session.get("/v1/me", headers=KEY) as reply:
                assert reply.status == 503
            async with session.get("/v1/sessions", params=listed, headers=KEY) as reply:
                assert json.loads(await reply.text()) == {"sessions": [booked]}
    finally:
        process.terminate()
        await process.wait()
