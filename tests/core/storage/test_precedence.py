"""The writer's lock: clients go first, and nobody is kept out."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.storage import precedence
from rallypoint.storage.database import Database
from rallypoint.storage.precedence import PrecedenceLock, in_background
from support.columns import only_sqlite


def behind(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin something in the background."""
    return in_background(contextvars.copy_context()).run(asyncio.create_task, work)


class Seen:
    """Takes the lock for as long as a turn of the loop, and remembers who had it."""

    def __init__(self) -> None:
        self.lock = PrecedenceLock()
        self.order: list[str] = []
        self.inside = 0

    async def take(self, name: str) -> None:
        await self.lock.acquire()
        try:
            self.inside += 1
            assert self.inside == 1
            self.order.append(name)
            await asyncio.sleep(0)
        finally:
            self.inside -= 1
            self.lock.release()

    def begin(self, kinds: str) -> list[asyncio.Task[None]]:
        """Begin one for each letter, ``b`` in the background and ``c`` for a client."""
        named = [(kind, f"{kind}{number}") for number, kind in enumerate(kinds)]
        return [
            behind(self.take(name)) if kind == "b" else asyncio.create_task(self.take(name))
            for kind, name in named
        ]


async def test_clients_go_before_what_is_in_the_background_in_the_order_they_came() -> None:
    seen = Seen()
    await asyncio.wait_for(asyncio.gather(*seen.begin("cbbcbc")), 5)
    assert seen.order == ["c0", "c3", "c5", "b1", "b2", "b4"]
    assert not seen.lock.locked()


async def test_background_work_that_has_waited_long_gets_every_other_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = SimpleNamespace(now=0.0)
    monkeypatch.setattr(precedence, "time", SimpleNamespace(monotonic=lambda: at.now))
    seen = Seen()
    tasks = seen.begin("cbbbccc")
    await asyncio.sleep(0)
    at.now = 1.0
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert seen.order == ["c0", "b1", "c4", "b2", "c5", "b3", "c6"]


async def test_a_lock_that_nobody_holds_cannot_be_released() -> None:
    with pytest.raises(RuntimeError):
        PrecedenceLock().release()


@given(st.text("bc", min_size=1, max_size=12), st.data())
def test_whoever_is_cancelled_the_others_get_their_turn(kinds: str, data: st.DataObject) -> None:
    given_up = data.draw(st.lists(st.tuples(st.integers(0, 20), st.integers(0, len(kinds) - 1)), max_size=6))

    async def play() -> None:
        seen = Seen()
        tasks = seen.begin(kinds)
        for turn in range(21):
            for when, which in given_up:
                if when == turn:
                    tasks[which].cancel()
            await asyncio.sleep(0)
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        finished = sum(1 for one in done if one is None)
        assert len(seen.order) >= finished
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in done)
        assert not seen.lock.locked()

    asyncio.run(play())


@only_sqlite
async def test_a_client_writes_before_jobs_that_wait(database: Database) -> None:
    order: list[str] = []

    async def write(name: str) -> None:
        async with database.transaction() as tx:
            order.append(name)
            await tx.fetch("SELECT 1")

    async with database.transaction():
        tasks = [behind(write("job")), behind(write("another job")), asyncio.create_task(write("client"))]
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    assert order == ["client", "job", "another job"]
