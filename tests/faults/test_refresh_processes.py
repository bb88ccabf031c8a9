"""Several processes with one connection whose token is over: one of them refreshes it, the others go on with that."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.core.connections.conftest import Pushed
from tests.core.connections.oauth import age, connect, oauth_service, process

from rallypoint.connections.http import ProviderHttp
from rallypoint.storage.database import Database
from rallypoint.testing.oauth import OAuthFake

ROOT = Path(__file__).parents[2]
PROCESSES = 4


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


async def begin(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.refresh_calls",
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def line(running: asyncio.subprocess.Process) -> str:
    assert running.stdout is not None
    return (await running.stdout.readline()).decode().strip()


@pytest.mark.slow
async def test_a_hundred_calls_in_four_processes_make_one_token_request(
    database: Database, database_url: str, tmp_path: Path, fake: OAuthFake
) -> None:
    http = ProviderHttp()
    await http.open()
    connections = process(database, http, Pushed())
    connections.declare("cal", oauth_service(fake))
    await connect(connections)
    await age(database, connections)
    running = [await begin(database_url, str(tmp_path), fake.url) for _ in range(PROCESSES)]
    try:
        async with asyncio.timeout(120):
            assert [await line(one) for one in running] == ["ready"] * PROCESSES
            for one in running:
                assert one.stdin is not None
                one.stdin.write(b"go\n")
            assert [await line(one) for one in running] == ["25 answers"] * PROCESSES
        assert [await one.wait() for one in running] == [0] * PROCESSES
    finally:
        for one in running:
            if one.returncode is None:
                one.kill()
                await one.wait()
        await connections.close()
    assert len(fake.token_requests("refresh_token")) == 1
    assert not fake.books.grants[0].ended
