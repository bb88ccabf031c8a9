"""The base of provider fakes: real replies, and failures when they are asked for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from rallypoint.testing.fakes import ProviderFake


class Echo(ProviderFake):
    """Says what it was sent."""

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.post("/echo", self.echo), web.get("/other", self.other)]

    async def echo(self, request: web.Request) -> web.Response:
        return web.Response(text=await request.text())

    async def other(self, _request: web.Request) -> web.Response:
        return web.Response(text="other")


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[Echo]:
    async with Echo() as running:
        yield running


@pytest_asyncio.fixture
async def session(fake: Echo) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(fake.url) as opened:
        yield opened


async def test_requests_are_answered_and_recorded(fake: Echo, session: aiohttp.ClientSession) -> None:
    async with session.post("/echo?a=1", data=b"hi", headers={"X-Key": "k"}) as reply:
        assert await reply.text() == "hi"
    (recorded,) = fake.received("POST", "/echo")
    assert (recorded.query, recorded.headers["X-Key"], recorded.body) == ({"a": "1"}, "k", b"hi")
    assert fake.received("GET", "/echo") == []


async def test_faults_hit_their_path_so_many_times(fake: Echo, session: aiohttp.ClientSession) -> None:
    fake.fail(429, headers={"Retry-After": "7"}, body="slow down", times=2, path="/echo")
    statuses = []
    for path in ("/other", "/echo", "/echo"):
        async with session.request("GET" if path == "/other" else "POST", path) as reply:
            statuses.append((reply.status, reply.headers.get("Retry-After")))
    assert statuses == [(200, None), (429, "7"), (429, "7")]
    async with session.post("/echo", data=b"again") as reply:
        assert await reply.text() == "again"


async def test_a_delay_answers_afterwards(fake: Echo, session: aiohttp.ClientSession) -> None:
    fake.fail(delay=0.1)
    began = time.monotonic()
    async with session.get("/other") as reply:
        assert await reply.text() == "other"
    assert time.monotonic() - began >= 0.1


async def test_a_cut_is_no_answer(fake: Echo, session: aiohttp.ClientSession) -> None:
    fake.fail(cut=True)
    with pytest.raises(aiohttp.ClientError):
        await session.post("/echo", data=b"hi")


async def test_faults_can_be_asked_for_over_http(fake: Echo, session: aiohttp.ClientSession) -> None:
    async with session.post("/_fake/faults", json={"status": 503}) as reply:
        assert await reply.json() == {"faults": 1}
    async with session.get("/other") as reply:
        assert reply.status == 503
    assert [one.path for one in fake.requests] == ["/other"]


async def test_a_fake_that_is_stopped_has_no_address() -> None:
    fake = Echo()
    await fake.start()
    await fake.stop()
    await fake.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = fake.url
