"""Runs published JavaScript clients against a server of ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from support.node import need_node, need_packages
from support.socket_house import House, open_house

HERE = Path(__file__).parent
Run = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="session")
def node() -> str:
    """Path of Node.js, with the packages of package.json installed."""
    need_packages()
    return need_node()


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        opened.gate.issue("alice")
        opened.gate.issue("bob")
        yield opened


@pytest.fixture
def run(node: str, house: House) -> Run:
    """Run a script of tests/peers with the server's URL and return the JSON that it prints."""

    async def run(script: str, *arguments: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            node,
            str(HERE / script),
            house.url,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(30):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, err.decode()
        return json.loads(out)

    return run
