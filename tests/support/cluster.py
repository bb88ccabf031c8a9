"""Two server processes on one PostgreSQL and one Redis, which a test may stop, freeze and restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from rallypoint.storage.ids import new_id
from rallypoint.testing import cluster
from support.columns import POOL
from support.redis_server import RedisServer


class Cluster(cluster.Cluster):
    """Servers that run their jobs themselves, with what a test asks of them.

    Args:
        folder: Each process gets a folder of its own in it.
        redis: Which they share.
        database_url: A PostgreSQL database of the cluster's own.
        env: Further variables.
    """

    def __init__(self, folder: Path, redis: RedisServer, database_url: str, **env: str) -> None:
        jobs_too = {"RALLYPOINT_SERVE_JOBS": "on", "RALLYPOINT_RATE_LIMITS": "off", **POOL, **env}
        super().__init__(folder, database_url, redis.url, workers=0, env=jobs_too)
        self.redis = redis

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
