"""The stand-in in a process of its own, as for a demonstration."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import pytest


@pytest.mark.slow
async def test_it_runs_alone_and_can_be_told_to_fail() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rallypoint.testing.google", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
        async with aiohttp.ClientSession(url) as session:
            async with session.get("/calendar/v3/calendars/primary/events") as reply:
                assert reply.status == 401
            await session.post("/_fake/faults", json={"status": 503, "path": "/calendar"})
            async with session.get("/calendar/v3/calendars/primary/events") as reply:
                assert reply.status == 503
    finally:
        process.terminate()
        await process.wait()
