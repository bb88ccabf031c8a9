"""What every task engine promises: the embedded one on SQLite, Procrastinate on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rallypoint.jobs.api import Jobs
from rallypoint.jobs.engine import make_jobs
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases


@pytest_asyncio.fixture
async def jobs(database: Database) -> AsyncIterator[Jobs]:
    """The engine of the column, in a process that runs jobs."""
    engine = make_jobs(database, Leases(database), runs=True, concurrency=4, queues=())
    yield engine
    await engine.stop(1)


class Recorder:
    """A handler that remembers its runs and may be told to wait."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.now = 0
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.ran = asyncio.Event()

    async def __call__(self, key: str = "") -> None:
        self.keys.append(key)
        self.now += 1
        self.most = max(self.most, self.now)
        self.ran.set()
        await self.gate.wait()
        self.now -= 1

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.keys) < count:
                self.ran.clear()
                await self.ran.wait()


async def settle() -> None:
    await asyncio.sleep(0.05)


async def test_wake_runs_the_handler_with_its_key(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.handle("drain", seen)
    await jobs.start()
    jobs.wake("drain", "a")
    await seen.until(1)
    assert seen.keys == ["a"]


async def test_a_wake_before_start_is_remembered_once(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.wake("drain", "a")
    jobs.wake("drain", "a")
    jobs.wake_at(clock.now() + 20, "drain", "b")
    jobs.wake_at(clock.now() + 60_000, "drain", "b")
    jobs.handle("drain", seen)
    await jobs.start()
    await seen.until(2)
    await settle()
    assert seen.keys == ["a", "b"]


async def test_duplicates_that_have_not_begun_are_one_run(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.handle("drain", seen)
    await jobs.start()
    for _ in range(5):
        jobs.wake("drain", "a")
    await seen.until(1)
    await settle()
    assert seen.keys == ["a"]


async def test_a_wake_while_running_runs_once_more_and_never_at_once(jobs: Jobs) -> None:
    seen = Recorder()
    seen.gate.clear()
    jobs.handle("drain", seen)
    await jobs.start()
    jobs.wake("drain", "a")
    await seen.until(1)
    jobs.wake("drain", "a")
    jobs.wake("drain", "a")
    await settle()
    assert seen.keys == ["a"]
    seen.gate.set()
    await seen.until(2)
    await settle()
    assert seen.keys == ["a", "a"]
    assert seen.most == 1


async def test_different_keys_run_at_once_up_to_the_bound(jobs: Jobs) -> None:
    seen = Recorder()
    seen.gate.clear()
    jobs.handle("drain", seen)
    await jobs.start()
    for number in range(12):
        jobs.wake("drain", str(number))
    await seen.until(4)
    await settle()
    assert len(seen.keys) == 4
    seen.gate.set()
    await seen.until(12)
    assert seen.keys == [str(number) for number in range(12)]
    assert seen.most == 4


async def test_a_queue_that_hangs_holds_up_no_other(jobs: Jobs) -> None:
    stuck, fine = Recorder(), Recorder()
    stuck.gate.clear()
    jobs.handle("acme.sync", stuck, queue="acme")
    jobs.handle("drain", fine)
    await jobs.start()
    for number in range(10):
        jobs.wake("acme.sync", str(number))
    await stuck.until(4)
    jobs.wake("drain", "a")
    await fine.until(1)
    stuck.gate.set()


async def test_the_earliest_time_wins(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.handle("drain", seen)
    await jobs.start()
    jobs.wake_at(clock.now() + 60_000, "drain", "a")
    jobs.wake_at(clock.now() + 30, "drain", "a")
    jobs.wake_at(clock.now() + 60_000, "drain", "a")
    assert seen.keys == []
    await seen.until(1)
    await asyncio.sleep(0.1)
    assert seen.keys == ["a"]


async def test_a_time_that_has_passed_is_now(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.handle("drain", seen)
    await jobs.start()
    jobs.wake_at(clock.now() - 5_000, "drain", "a")
    await seen.until(1)


async def test_a_failing_job_runs_again_by_itself_and_later_each_time(jobs: Jobs) -> None:
    at: list[float] = []
    done = asyncio.Event()

    async def flaky(_key: str) -> None:
        at.append(asyncio.get_running_loop().time())
        if len(at) < 3:
            raise ValueError("not yet")
        done.set()

    jobs.handle("flaky", flaky)
    await jobs.start()
    jobs.wake("flaky", "a")
    async with asyncio.timeout(10):
        await done.wait()
    assert at[1] - at[0] >= 0.2
    assert at[2] - at[1] >= 0.45


async def test_wakes_of_a_failing_job_wait_for_its_backoff(jobs: Jobs) -> None:
    runs = 0

    async def broken(_key: str) -> None:
        nonlocal runs
        runs += 1
        raise ValueError("always")

    jobs.handle("broken", broken)
    await jobs.start()
    for _ in range(20):
        jobs.wake("broken", "a")
        await asyncio.sleep(0.005)
    # Without a backoff it would have run for nearly every wake-up; a slow machine may see the first retry.
    assert runs <= 2


async def test_periodic_work_runs_at_start_and_again(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.every(0.05, "sweep", seen)
    await jobs.start()
    await seen.until(3)


async def test_periodic_work_never_overlaps_and_survives_failures(jobs: Jobs) -> None:
    runs: list[float] = []
    done = asyncio.Event()

    async def sweep() -> None:
        runs.append(0)
        await asyncio.sleep(0.03)
        assert runs.count(0) == 1
        runs[-1] = 1
        if len(runs) == 4:
            done.set()
        if len(runs) % 2:
            raise ValueError("every other time")

    jobs.every(0.01, "sweep", sweep)
    await jobs.start()
    async with asyncio.timeout(10):
        await done.wait()


async def test_periodic_work_can_be_woken_early(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.every(3600, "sweep", seen)
    await jobs.start()
    await seen.until(1)
    jobs.wake("sweep")
    await seen.until(2)


async def test_an_unknown_task_is_dropped_and_the_rest_goes_on(jobs: Jobs) -> None:
    seen = Recorder()
    jobs.handle("drain", seen)
    jobs.wake("absent", "a")
    await jobs.start()
    jobs.wake("absent", "a")
    jobs.wake("drain", "a")
    await seen.until(1)


async def test_a_task_name_is_taken_once(jobs: Jobs) -> None:
    jobs.handle("drain", Recorder())
    with pytest.raises(ValueError, match="drain"):
        jobs.handle("drain", Recorder())


async def test_stop_lets_jobs_finish_and_begins_no_more(jobs: Jobs) -> None:
    seen = Recorder()
    seen.gate.clear()
    jobs.handle("drain", seen)
    await jobs.start()
    for number in range(6):
        jobs.wake("drain", str(number))
    jobs.wake_at(clock.now() + 20, "drain", "later")
    await seen.until(4)
    asyncio.get_running_loop().call_later(0.1, seen.gate.set)
    await jobs.stop(5)
    assert seen.now == 0
    assert len(seen.keys) == 4


async def test_stop_cancels_what_outlasts_its_grace(jobs: Jobs) -> None:
    cancelled = asyncio.Event()
    begun = asyncio.Event()

    async def endless(_key: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    jobs.handle("endless", endless)
    await jobs.start()
    jobs.wake("endless")
    await begun.wait()
    await jobs.stop(0.05)
    assert cancelled.is_set()
