"""Hubs that share a real Redis, as processes would, under a prefix of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from rallypoint.identity.api import Principal
from rallypoint.realtime.connection import Connection
from rallypoint.realtime.hub import Hub
from rallypoint.realtime.outbound import Frame
from rallypoint.realtime.phoenix import PhoenixEncoder
from rallypoint.redis.link import end
from rallypoint.redis.sharing import Sharing
from rallypoint.settings import Settings
from rallypoint.storage.database import Database
from rallypoint.storage.ids import new_id
from support.redis_server import missing, shared_url
from support.socket_house import RoomChannel


class Ear(Connection):
    """A connection that keeps what it hears: event and payload."""

    def __init__(self, user: str) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.closed: list[int] = []
        principal = Principal(user, 1, "acme", "user", "live", f"credential-{user}")
        super().__init__(principal, PhoenixEncoder(2), self._hear)

    def _hear(self, frame: Frame) -> None:
        _join_ref, _ref, _topic, event, payload = orjson.loads(frame.message["text"])
        self.heard.append((event, payload))

    def close(self, code: int, reason: str) -> None:
        self.closed.append(code)

    def events(self, name: str) -> list[Any]:
        return [payload for event, payload in self.heard if event == name]


@dataclass
class Process:
    """What a server process has of this."""

    sharing: Sharing
    hub: Hub
    channel: RoomChannel

    async def enter(self, user: str, topic: str = "room:1") -> Ear:
        """Connect somebody and have them join a topic."""
        ear = Ear(user)
        await self.hub.connect(ear)
        self.hub.open(await self.hub.join(ear, topic, {}))
        return ear

    @property
    def link(self) -> Any:
        return self.sharing.bus._link

    def present(self, topic: str = "room:1") -> set[str]:
        return set(self.hub.presence(topic))

    async def vanish(self) -> None:
        """End without a word to the others, like a killed process."""
        await end(self.link._task)
        self.link.up = False
        await self.sharing.close()


NewProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
def prefix() -> str:
    """Begins the names of everything in Redis that is this test's."""
    return f"rallypoint-test-{new_id()}"


@pytest_asyncio.fixture
async def redis(prefix: str) -> AsyncIterator[Redis]:
    """A client to look behind the scenes with."""
    if reason := missing():
        pytest.skip(reason)
    client: Redis = Redis.from_url(shared_url())
    yield client
    async for key in client.scan_iter(f"{prefix}:*"):
        await client.delete(key)
    await client.aclose()


@pytest_asyncio.fixture
async def new_process(database: Database, redis: Redis, prefix: str) -> AsyncIterator[NewProcess]:
    """Starts one more process that shares with the others."""
    made: list[Process] = []

    async def start(**settings: Any) -> Process:
        options = Settings(
            _env_file=None,
            **{"redis_url": shared_url(), "redis_prefix": prefix, **settings},  # type: ignore[call-arg]
        )
        sharing = Sharing(options, database)
        hub = Hub(options, sharing.bus)
        made.append(Process(sharing, hub, RoomChannel(hub)))
        hub.add_channel(made[-1].channel)
        await sharing.open()
        return made[-1]

    yield start
    for process in made:
        process.hub.close_all()
        await process.sharing.close()


async def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)
