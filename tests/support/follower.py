"""The published Socket.IO client on a room, through whatever happens to its servers."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from support.node import need_node, need_packages


class Follower:
    """The published Socket.IO client on a room, and what it printed."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))

    async def until(self, seconds: float, **wanted: Any) -> None:
        async with asyncio.timeout(seconds):
            while not any(wanted.items() <= line.items() for line in self.lines):
                await asyncio.sleep(0.02)

    @property
    def names(self) -> list[str]:
        """The room's names in the order in which they came, each event once."""
        events = {line["id"]: line for line in self.lines if line.get("event") == "room.updated"}
        return [line["data"]["data"]["room"]["name"] for line in events.values()]


@asynccontextmanager
async def follow(url: str, token: str, room: str, transport: str) -> AsyncIterator[Follower]:
    """Run the client for as long as the block, joined to the room by ``websocket`` or ``polling``."""
    process = await asyncio.create_subprocess_exec(
        need_node(),
        "socketio_follow.mjs",
        url,
        token,
        f"room:{room}",
        transport,
        cwd=need_packages(),
        stdout=PIPE,
    )
    follower = Follower(process)
    reading = asyncio.create_task(follower.read())
    try:
        await follower.until(15, joined=True)
        yield follower
    finally:
        process.kill()
        await process.wait()
        await reading
