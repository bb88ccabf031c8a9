from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from rallypoint.redis import link as links
from rallypoint.redis.link import Link
from support.redis_server import shared_url


class Part:
    """Fails as often as it is told to, in a way that no client should."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def resume(self) -> None:
        await self.check()

    async def check(self) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("read() called while another coroutine is already waiting for incoming data")


async def test_the_heartbeat_outlives_what_nobody_foresaw(
    redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(links, "RETRY_SECONDS", 0.05)
    link, part = Link(shared_url(), prefix), Part(2)
    link.add(part)
    await link.open()
    try:
        for _ in range(2):  # when it begins, and later
            assert not link.up
            async with asyncio.timeout(5):
                while not link.up:
                    await asyncio.sleep(0.01)
            part.failures = 1
            async with asyncio.timeout(5):
                while part.failures:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0)
    finally:
        await link.close()
