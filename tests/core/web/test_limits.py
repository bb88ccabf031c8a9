from __future__ import annotations

import time

import pytest
from limits.aio.storage import MemoryStorage

from rallypoint.errors import RateLimited
from rallypoint.settings import Settings
from rallypoint.web import windows
from rallypoint.web.limits import Limiter
from rallypoint.web.routing import Access, Call, Done, Reply, Routes
from rallypoint.web.windows import WindowMemory

from .asgi import BEARER, ask
from .conftest import House


def limited(house: House, rate: str, access: Access = Access.PUBLIC) -> None:
    house.limiter.define("tight", rate)
    routes = Routes("/limited", limit="tight")

    @routes.add("POST", "", summary="Limited", replies={200: Done}, access=access)
    async def handler(_call: Call) -> Reply:
        return Reply(Done(message="ok"))

    house.web.mount(routes)


async def test_replies_tell_of_the_limit_and_the_last_is_refused(house: House) -> None:
    limited(house, "2/minute")
    first, second, third = [await ask(house.web.asgi, "POST", "/limited") for _ in range(3)]
    assert [got.status for got in (first, second, third)] == [200, 200, 429]
    assert [got.headers["x-ratelimit-remaining"] for got in (first, second, third)] == ["1", "0", "0"]
    assert first.headers["x-ratelimit-limit"] == "2"
    assert 0 < int(third.headers["retry-after"]) <= 60
    assert time.time() < int(third.headers["x-ratelimit-reset"]) <= time.time() + 61
    assert third.json()["error"]["code"] == "RATE_LIMITED"


async def test_errors_of_a_limited_route_tell_of_the_limit_too(house: House) -> None:
    got = await ask(house.web.asgi, "POST", "/api/v1/rooms/items", json={}, headers=BEARER)
    assert (got.status, got.headers["x-ratelimit-limit"]) == (400, "100000")
    got = await ask(house.web.asgi, "DELETE", "/api/v1/rooms/items", headers=BEARER)
    assert "x-ratelimit-limit" not in got.headers


async def test_strangers_are_told_apart_by_address(house: House) -> None:
    limited(house, "1/minute")
    assert (await ask(house.web.asgi, "POST", "/limited", client="192.0.2.1")).status == 200
    assert (await ask(house.web.asgi, "POST", "/limited", client="192.0.2.2")).status == 200
    assert (await ask(house.web.asgi, "POST", "/limited", client="192.0.2.1")).status == 429


async def test_callers_are_told_apart_by_credential_wherever_they_are(house: House) -> None:
    limited(house, "1/minute", Access.PRINCIPAL)
    operator = {"authorization": "Bearer operator-token"}
    assert (await ask(house.web.asgi, "POST", "/limited", headers=BEARER, client="192.0.2.1")).status == 200
    assert (await ask(house.web.asgi, "POST", "/limited", headers=BEARER, client="192.0.2.2")).status == 429
    assert (await ask(house.web.asgi, "POST", "/limited", headers=operator, client="192.0.2.1")).status == 200


async def test_a_window_begins_with_the_first_hit_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1000.5
    monkeypatch.setattr(windows, "time", lambda: at)
    memory = WindowMemory()
    assert [await memory.incr("a", 60), await memory.incr("a", 60, 2)] == [1, 3]
    assert (await memory.get("a"), await memory.get_expiry("a")) == (3, 1060.5)
    at = 1060.5
    assert (await memory.get("a"), await memory.incr("a", 60)) == (0, 1)
    assert await memory.get_expiry("nobody") == at


async def test_memory_forgets_windows_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1000.0
    monkeypatch.setattr(windows, "time", lambda: at)
    memory = WindowMemory()
    for caller in range(1000):
        await memory.incr(f"caller-{caller}", 60)
    await memory.incr("slow", 3600)
    await memory.clear("caller-0")
    await memory.incr("caller-0", 60)  # has a younger window than the queue says
    at = 1059.0
    await memory.incr("caller-1", 60)
    at = 1060.0
    await memory.incr("new", 60)
    assert len(memory) == 2
    assert await memory.get("slow") == 1
    assert (await memory.check(), await memory.reset(), len(memory)) == (True, 2, 0)


async def test_a_hit_costs_the_same_with_many_callers() -> None:
    """The library's own storage walks over all keys at every hit; this one must not."""
    memory = WindowMemory()

    async def cost() -> float:
        best = 1.0
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(200):
                await memory.incr("me", 60)
            best = min(best, time.perf_counter() - began)
        return best

    few = await cost()
    for caller in range(50_000):
        await memory.incr(f"caller-{caller}", 60)
    assert await cost() < few * 5


async def test_other_storages_of_the_library_serve_as_well() -> None:
    limiter = Limiter(MemoryStorage())
    assert isinstance(limiter._storage, MemoryStorage)
    limiter.define("one", "1/hour")
    await limiter.check("one", "me")
    with pytest.raises(RateLimited) as caught:
        await limiter.check("one", "me")
    assert 3590 <= int(caught.value.headers["Retry-After"]) <= 3600
    await limiter.check("one", "you")


async def test_limits_have_names_and_may_be_off() -> None:
    limiter = Limiter.from_settings(Settings(_env_file=None, limit_login="1/minute"))
    assert limiter.limited("login")
    assert not limiter.limited("none")
    assert not limiter.known("acme")
    assert await limiter.hit("none", "me") is None
    with pytest.raises(ValueError, match="limit 'api' already"):
        limiter.define("api", "1/minute")
    with pytest.raises(ValueError, match="couldn't parse"):
        limiter.define("acme", "often")
    off = Limiter.from_settings(Settings(_env_file=None, limit_login="1/minute", rate_limits=False))
    for _ in range(3):
        await off.check("login", "me")
    assert not off.limited("login")
