from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from rallypoint.redis import link as links
from rallypoint.redis.link import Link, Part
from rallypoint.testing.waiting import eventually
from support.logged import logged
from support.redis_server import shared_url


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(links, "RETRY_SECONDS", 0.05)


class Failing:
    """Fails as often as it is told to, in a way that no client should."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def resume(self) -> None:
        await self.check()

    async def check(self) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("read() called while another coroutine is already waiting for incoming data")


class Stuck:
    """Stands still the first time."""

    def __init__(self) -> None:
        self.stuck = True

    async def resume(self) -> None:
        if self.stuck:
            self.stuck = False
            await asyncio.Event().wait()

    async def check(self) -> None:
        pass


class Complaining:
    """Fails for one reason after the other, each twice in a row."""

    def __init__(self, *reasons: str) -> None:
        self.waiting = [reason for reason in reasons for _ in range(2)]

    async def resume(self) -> None:
        if self.waiting:
            raise ConnectionError(self.waiting.pop(0))

    async def check(self) -> None:
        pass


def linked(prefix: str, part: Part) -> Link:
    link = Link(shared_url(), prefix)
    link.add(part)
    return link


async def is_up(link: Link) -> None:
    async def ask() -> bool:
        return link.up

    await eventually(ask, seconds=5)


async def test_the_heartbeat_outlives_what_nobody_foresaw(redis: Redis, prefix: str) -> None:
    part = Failing(2)
    link = linked(prefix, part)
    await link.open()
    try:
        for _ in range(2):  # when it begins, and later
            assert not link.up
            await is_up(link)
            part.failures = 1
            async with asyncio.timeout(5):
                while part.failures:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0)
    finally:
        await link.close()


async def test_what_stands_still_is_begun_anew(
    redis: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "STUCK_SECONDS", 0.1)
    link = linked(prefix, Stuck())
    await asyncio.wait_for(link.open(), 10)
    try:
        assert not link.up
        await is_up(link)
    finally:
        await link.close()


async def test_each_reason_is_logged_once_until_redis_is_back(redis: Redis, prefix: str) -> None:
    part = Complaining("refused", "loading", "refused")
    link = linked(prefix, part)
    with logged(links) as entries:
        await link.open()
        try:
            await is_up(link)
            link.failed(ConnectionError("refused"))
            await is_up(link)
        finally:
            await link.close()
    told = [(entry["event"], entry.get("reason", "").removeprefix("ConnectionError: ")) for entry in entries]
    away, back = ("Redis is away: this process serves on alone", "refused"), ("Redis is back", "")
    assert told == [away, ("Redis stays away", "loading"), back, away, back]
