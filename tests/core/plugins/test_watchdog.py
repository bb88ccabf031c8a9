from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import uvloop

from rallypoint.plugins.deadline import DeadlineExceeded, deadline
from rallypoint.plugins.watchdog import Exited, LoopBlocked, Watchdog


@pytest.fixture
def dog() -> Iterator[Watchdog]:
    watchdog = Watchdog(0.1)
    watchdog.start()
    yield watchdog
    watchdog.stop()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


async def spin() -> None:
    await asyncio.sleep(0)
    while True:
        pass


async def test_code_that_blocks_is_stopped_and_named(dog: Watchdog) -> None:
    with pytest.raises(LoopBlocked, match=r"acme held the event loop for more than 0\.1 s"):
        await dog.watch("acme", spin())


def test_it_works_under_uvloop_too(dog: Watchdog) -> None:
    async def main() -> str:
        with pytest.raises(LoopBlocked):
            await dog.watch("acme", spin())
        await asyncio.sleep(0.15)
        return "alive"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == "alive"


async def test_waiting_is_not_blocking(dog: Watchdog) -> None:
    async def wait() -> str:
        await asyncio.sleep(0.3)
        return "rested"

    assert await dog.watch("acme", wait()) == "rested"


async def test_a_nested_plugin_is_the_one_to_blame_and_the_outer_one_goes_on(dog: Watchdog) -> None:
    async def outer() -> str:
        with pytest.raises(LoopBlocked, match="inner held"):
            await dog.watch("inner", spin())
        await asyncio.sleep(0)
        return "outer went on"

    assert await dog.watch("outer", outer()) == "outer went on"


async def test_a_plugin_is_still_watched_after_it_called_another(dog: Watchdog) -> None:
    async def outer() -> None:
        await dog.watch("inner", asyncio.sleep(0))
        time.sleep(5)

    with pytest.raises(LoopBlocked, match="outer held"):
        await dog.watch("outer", outer())


async def test_values_exceptions_and_cancellation_pass_through(dog: Watchdog) -> None:
    seen: list[str] = []

    async def work() -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, KeyError("inner"))
        with pytest.raises(KeyError):
            await future
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "never"

    async def watched() -> str:
        return await dog.watch("acme", work())

    task = asyncio.create_task(watched())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert seen == ["cancelled"]


async def test_leaving_sys_exit_to_the_server(dog: Watchdog) -> None:
    async def leave() -> None:
        sys.exit(1)

    with pytest.raises(Exited):
        await dog.watch("acme", leave())
    with pytest.raises(Exited), dog.watching("acme"):
        sys.exit(1)


def test_plain_code_is_watched(dog: Watchdog) -> None:
    with pytest.raises(LoopBlocked), dog.watching("acme"):
        time.sleep(5)


def test_closing_an_unfinished_coroutine_closes_what_is_inside(dog: Watchdog) -> None:
    closed: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    steps = dog.watch("acme", work()).__await__()
    next(steps)
    steps.close()
    assert closed == [True]


async def test_a_stopped_watchdog_leaves_everything_alone() -> None:
    resting = Watchdog(0.01)
    work = asyncio.sleep(0)
    assert resting.watch("acme", work) is work
    await work
    with resting.watching("acme"):
        time.sleep(0.03)


def test_a_thread_cannot_be_interrupted_and_says_so() -> None:
    caught: list[BaseException] = []

    def run() -> None:
        Watchdog(1).start()
        try:
            with deadline(1, "work"):
                pass
        except RuntimeError as error:
            caught.append(error)

    handler = signal.getsignal(signal.SIGALRM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert signal.getsignal(signal.SIGALRM) is handler


def test_a_deadline_within_a_deadline_gives_the_outer_one_back() -> None:
    with pytest.raises(DeadlineExceeded, match="outer"), deadline(0.2, "outer"):
        with pytest.raises(DeadlineExceeded, match="inner"), deadline(0.05, "inner"):
            time.sleep(5)
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_deadline_repeats_for_code_that_swallows_it_once() -> None:
    def stubborn() -> None:
        try:
            time.sleep(5)
        except BaseException:
            time.sleep(5)

    started = time.monotonic()
    with pytest.raises(DeadlineExceeded), deadline(0.05, "stubborn"):
        stubborn()
    assert time.monotonic() - started < 2
