"""Runs published JavaScript clients against a server of ours."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.socket_house import House, open_house

HERE = Path(__file__).parent
Run = Callable[..., Awaitable[Any]]


def _without(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node() -> str:
    """Path of Node.js, with the packages of package.json installed."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        _without("Node.js and npm are needed to try the published clients")
    if not _installed():
        command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            _without(f"npm could not install the clients: {done.stderr[-500:]}")
    return str(found)


def _installed() -> bool:
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    return all((HERE / "node_modules" / name / "package.json").exists() for name in wanted)


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
