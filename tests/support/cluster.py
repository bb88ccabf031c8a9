"""Several server processes on one PostgreSQL and one Redis, which a test may stop, freeze and restart."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rallypoint.storage.ids import new_id
from rallypoint.testing.server import ServerProcess
from support.redis_server import RedisServer


@dataclass
class Cluster:
    """What a test holds.

    Args:
        servers: Of ``rallypoint serve``, sharing everything.
        redis: Which they share.
    """

    servers: list[ServerProcess]
    redis: RedisServer

    def start(self) -> None:
        """Start every server, at the same time."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(ServerProcess.start, self.servers))

    def stop(self) -> None:
        """Stop every server."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(ServerProcess.stop, self.servers))

    def register(self) -> str:
        """Return the token of a new user."""
        return self.servers[0].register(f"{new_id()}@example.com")

    async def call(self, index: int, method: str, path: str, body: Any = None, *, token: str) -> Any:
        """Send a request to a server and return the reply's body, its status being 2xx."""
        status, reply = await asyncio.to_thread(self.servers[index].request, method, path, body, token=token)
        assert status < 300, reply
        return reply

    async def room(self, token: str) -> str:
        """Return the id of a new room."""
        reply = await self.call(
            0, "POST", "/api/v1/rooms", {"name": "Room", "max_participants": 100}, token=token
        )
        return str(reply["data"]["id"])

    async def rename(self, index: int, room: str, name: str, token: str) -> None:
        """Have a room say something durable: ``room.updated`` with this name."""
        await self.call(index, "PATCH", f"/api/v1/rooms/{room}", {"name": name}, token=token)


def make(folder: Path, redis: RedisServer, database_url: str, count: int = 2, **env: str) -> Cluster:
    """Return a cluster that is not running yet."""
    shared = {
        "RALLYPOINT_DATABASE_URL": database_url,
        "RALLYPOINT_REDIS_URL": redis.url,
        "RALLYPOINT_SECRET_KEY": "a secret key of a test, long enough",
        "RALLYPOINT_SERVE_JOBS": "on",
        "RALLYPOINT_RATE_LIMITS": "off",
        **env,
    }
    return Cluster([ServerProcess(folder / f"web{number}", shared) for number in range(count)], redis)
