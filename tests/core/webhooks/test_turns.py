"""The gate between deliveries and everything else on the event loop."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from rallypoint.webhooks import turns
from rallypoint.webhooks.turns import Turns


async def begin_all(gate: Turns, count: int) -> list[int]:
    """Let ``count`` take a turn, and return in which turn of the loop each one did, in the order they asked."""
    loop, turn, taken = asyncio.get_running_loop(), 0, {}

    def tick() -> None:
        nonlocal turn
        turn += 1
        if len(taken) < count:
            loop.call_soon(tick)

    async def one(number: int) -> None:
        await gate.take()
        taken[number] = turn

    loop.call_soon(tick)
    await asyncio.wait_for(asyncio.gather(*(one(number) for number in range(count))), 5)
    return [taken[number] for number in range(count)]


async def test_a_few_begin_in_each_turn_in_the_order_they_came() -> None:
    taken = await begin_all(Turns(4), 30)
    assert max(Counter(taken).values()) == 4
    assert taken == sorted(taken)


async def test_it_can_be_used_again_after_a_pause() -> None:
    gate = Turns(2)
    await begin_all(gate, 5)
    await asyncio.sleep(0.01)
    taken = await begin_all(gate, 5)
    assert max(Counter(taken).values()) == 2


async def test_who_is_cancelled_leaves_the_place_to_the_next() -> None:
    gate = Turns(1)
    first, given_up, following = (asyncio.create_task(gate.take()) for _ in range(3))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait_for(following, 5)
    assert first.done()
    assert given_up.cancelled()


async def test_the_loop_rests_when_nobody_asks() -> None:
    await begin_all(Turns(2), 10)
    await asyncio.sleep(0.01)
    used = time.process_time()
    await asyncio.sleep(0.3)
    assert time.process_time() - used < 0.15


async def test_one_begins_at_a_time_while_the_loop_is_busy() -> None:
    taken = await begin_all(Turns(4, busy=lambda: True), 6)
    assert max(Counter(taken).values()) == 1
    assert taken == sorted(taken)


async def test_posts_make_way_only_as_long_as_somebody_waits() -> None:
    answers = iter([True] * 3)
    taken = await begin_all(Turns(4, busy=lambda: next(answers, False)), 11)
    assert sorted(Counter(taken).values()) == [1, 1, 1, 4, 4]


async def rests(monkeypatch: pytest.MonkeyPatch, step: float) -> list[float]:
    """Return for how long the loop was to rest each time, its clock being ``step`` later whenever it is read."""
    loop, asked = asyncio.get_running_loop(), []
    call_later, clock = loop.call_later, itertools.count(0.0, step)

    def at_once(delay: float, *call: Any) -> asyncio.TimerHandle:
        asked.append(delay)
        return call_later(0, *call)

    monkeypatch.setattr(loop, "call_later", at_once)
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    waiting = asyncio.gather(*(gate.take() for gate in [Turns(4, busy=lambda: True)] for _ in range(4)))
    while not waiting.done():
        await asyncio.sleep(0)
    monkeypatch.undo()
    return asked[:3]


async def test_the_later_the_loop_is_the_longer_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rests(monkeypatch, 0.003) == pytest.approx([0.001, 0.009, 0.001])


async def test_no_rest_is_so_long_that_posts_cease(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rests(monkeypatch, 60.0) == pytest.approx([0.001, 0.05, 0.05])
