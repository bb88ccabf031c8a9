"""The pace of a service: kept over any second, fair among those who wait, and honest to those who would wait long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any

import pytest

from rallypoint.connections.pace import Pace, Paced
from rallypoint.errors import RetryLater


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0

    def time(self) -> float:
        return super().time() + self._ahead

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._ahead += max(0.0, self._scheduled[0]._when - self.time())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def virtual(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in a loop whose time runs ahead to the next timer instead of waiting for it."""

    @wraps(test)
    def run() -> None:
        with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
            runner.run(test())

    return run


def now() -> float:
    return asyncio.get_running_loop().time()


async def keep(paces: Sequence[Pace], per_second: int) -> None:
    """Make ten seconds' calls through paces in turn, and see that all together are as quick as they may be."""
    times: list[float] = []

    async def call(number: int) -> None:
        await paces[number % len(paces)].turn(str(number % 7))
        times.append(now())

    begun = now()
    await asyncio.gather(*(call(number) for number in range(10 * per_second)))
    assert 10 < times[-1] - begun < 11
    for first in times:
        assert sum(first <= one < first + 1 for one in times) <= per_second


@virtual
async def test_calls_go_at_the_pace_and_no_faster() -> None:
    await keep([Pace(50)], 50)


@virtual
async def test_processes_that_share_a_pace_keep_it_together() -> None:
    paces = [Pace(50) for _ in range(4)]
    for pace in paces:
        pace.share(1 / 4)
    await keep(paces, 50)
    paces[0].share(1.0)  # the others are gone
    begun = now()
    await asyncio.gather(*(paces[0].turn("a") for _ in range(100)))
    assert now() - begun < 2.2


@virtual
async def test_who_has_much_to_do_holds_up_nobody() -> None:
    pace, order = Pace(10), list[str]()

    async def call(caller: str) -> None:
        await pace.turn(caller)
        order.append(caller)

    busy = [asyncio.create_task(call("busy")) for _ in range(100)]
    await asyncio.sleep(0.55)
    await asyncio.gather(*(call(f"quiet-{number}") for number in range(5)))
    assert len(order) <= 15
    await asyncio.gather(*busy)
    assert order.count("busy") == 100


@virtual
async def test_who_would_wait_long_is_told_when_to_come_again() -> None:
    pace = Pace(1, patience=5.5)
    waiting = [asyncio.create_task(pace.turn("a")) for _ in range(6)]
    await asyncio.sleep(0)
    with pytest.raises(Paced) as error:
        await pace.turn("b")
    assert isinstance(error.value, RetryLater)
    assert 5 < (error.value.after or 0) < 8
    await asyncio.gather(*waiting)
    await pace.turn("b")


@virtual
async def test_a_call_that_is_cancelled_leaves_its_turn_to_others() -> None:
    pace = Pace(10)
    calls = [asyncio.create_task(pace.turn("a")) for _ in range(20)]
    await asyncio.sleep(0)
    for call in calls[1:19]:
        call.cancel()
    begun = now()
    await asyncio.gather(*calls, return_exceptions=True)
    assert now() - begun < 0.5
    await asyncio.wait_for(pace.turn("a"), 1)


@virtual
async def test_a_turn_that_came_as_its_caller_was_cancelled_is_not_lost() -> None:
    pace = Pace(1, patience=60)
    await pace.turn("a")
    call = asyncio.create_task(pace.turn("a"))
    await asyncio.sleep(0)
    pace._release()
    while not call.done() and not pace._waiting:
        call.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(call, return_exceptions=True)
    begun = now()
    await pace.turn("b")
    assert now() - begun <= 1.1


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_pace_must_be_one(rate: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Pace(rate)
