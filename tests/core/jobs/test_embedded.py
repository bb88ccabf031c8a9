"""What only the embedded engine has to get right."""

from __future__ import annotations

import asyncio
import contextvars

from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.storage import clock

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


async def test_jobs_do_not_inherit_the_context_of_who_woke_them() -> None:
    seen: list[str] = []
    both = asyncio.Event()

    async def look(_key: str) -> None:
        seen.append(request_id.get())
        if len(seen) == 2:
            both.set()

    jobs = EmbeddedJobs()
    jobs.handle("look", look)
    await jobs.start()
    request_id.set("mine")
    jobs.wake("look", "a")
    jobs.wake_at(clock.now() + 10, "look", "b")
    async with asyncio.timeout(5):
        await both.wait()
    await jobs.stop(1)
    assert seen == ["none", "none"]


async def test_stop_forgets_backoffs_and_timers() -> None:
    runs = 0

    async def broken(_key: str) -> None:
        nonlocal runs
        runs += 1
        raise ValueError("always")

    jobs = EmbeddedJobs()
    jobs.handle("broken", broken)
    jobs.every(0.01, "sweep", lambda: asyncio.sleep(0))
    await jobs.start()
    jobs.wake("broken")
    await asyncio.sleep(0.02)
    await jobs.stop(1)
    jobs.wake("broken")
    await asyncio.sleep(0.6)
    assert runs == 1


async def test_a_burst_of_a_thousand_keys_runs_them_all() -> None:
    done = 0
    finished = asyncio.Event()

    async def work(_key: str) -> None:
        nonlocal done
        await asyncio.sleep(0)
        done += 1
        if done == 1000:
            finished.set()

    jobs = EmbeddedJobs()
    jobs.handle("work", work)
    await jobs.start()
    for number in range(1000):
        jobs.wake("work", str(number))
    async with asyncio.timeout(5):
        await finished.wait()
    await jobs.stop(1)
