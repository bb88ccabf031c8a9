"""What only the scaled-out engine has to get right: several processes, dead ones, and a database that goes away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from rallypoint.jobs import schema
from rallypoint.jobs.procrastinate import ProcrastinateJobs
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from support.columns import PostgreSQL, only_postgresql
from support.delivery_house import eventually

pytestmark = only_postgresql
NewProcess = Callable[..., ProcrastinateJobs]


@pytest_asyncio.fixture
async def process(database: Database) -> AsyncIterator[NewProcess]:
    """Makes the engine of one more process on the same database."""
    async with AsyncExitStack() as stack:

        def make(**how: Any) -> ProcrastinateJobs:
            engine = ProcrastinateJobs(database, Leases(database), **how)
            stack.push_async_callback(engine.stop, 1)
            return engine

        yield make


class Seen:
    """A handler that remembers its keys."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def __call__(self, key: str = "") -> None:
        self.keys.append(key)


async def jobs_in(database: Database) -> int:
    row = await database.fetch_one("SELECT count(*) AS n FROM procrastinate_jobs")
    return int(row["n"]) if row else 0


async def test_a_process_that_runs_no_jobs_wakes_those_that_do(database, process):
    web, worker, here, there = process(runs=False), process(), Seen(), Seen()
    web.handle("drain", here)
    web.every(0.01, "sweep", here)
    worker.handle("drain", there)
    await web.start()
    await worker.start()
    web.wake("drain", "a")
    await eventually(lambda: there.keys == ["a"])
    assert here.keys == []


async def test_local_work_runs_where_it_was_woken(process):
    web, worker, here, there = process(runs=False), process(), Seen(), Seen()
    web.handle("mark", here, local=True)
    worker.handle("mark", there, local=True)
    await web.start()
    await worker.start()
    web.wake("mark", "a")
    web.wake_at(0, "mark", "b")
    await eventually(lambda: here.keys == ["a", "b"])
    assert there.keys == []


async def test_a_job_waits_for_a_process_that_reads_its_queue(process):
    web, core, acme = process(runs=False), process(queues=["core"]), process(queues=["acme"])
    seen: dict[ProcrastinateJobs, Seen] = {one: Seen() for one in (web, core, acme)}
    for one, mine in seen.items():
        one.handle("acme.sync", mine, queue="acme")
        one.handle("drain", mine)
    await web.start()
    await core.start()
    web.wake("acme.sync", "a")
    web.wake("drain", "d")
    await eventually(lambda: seen[core].keys == ["d"])
    await acme.start()
    await eventually(lambda: seen[acme].keys == ["a"])
    assert seen[core].keys == ["d"]


async def test_one_connection_listens_for_all_queues(database, process):
    worker, seen = process(), Seen()
    for name in ("acme", "beta", "core"):
        worker.handle(f"{name}.sync", seen, queue=name)
    await worker.start()

    async def listeners() -> int:
        listening = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        return len(await database.fetch(listening))

    async def one_listens() -> bool:
        return await listeners() == 1

    await eventually(one_listens)
    began = asyncio.get_running_loop().time()
    for name in ("acme", "beta", "core"):
        worker.wake(f"{name}.sync", name)
    await eventually(lambda: sorted(seen.keys) == ["acme", "beta", "core"])
    assert asyncio.get_running_loop().time() - began < 2  # far below the interval of polling


async def test_two_workers_share_the_work(process):
    workers = [process(concurrency=2) for _ in range(2)]
    done: list[list[str]] = [[], []]
    for worker, mine in zip(workers, done, strict=True):

        async def work(key: str, mine: list[str] = mine) -> None:
            mine.append(key)
            await asyncio.sleep(0.05)

        worker.handle("drain", work)
        await worker.start()
    for number in range(40):
        workers[0].wake("drain", str(number))
    await eventually(lambda: len(done[0]) + len(done[1]) == 40)
    assert min(len(mine) for mine in done) >= 3  # nobody does it all, however the machine treats them
    assert {*done[0], *done[1]} == {str(number) for number in range(40)}


async def test_periodic_work_runs_in_one_process_and_moves_when_that_stops(process):
    first, second, here, there = process(), process(), Seen(), Seen()
    first.every(0.05, "sweep", here)
    second.every(0.05, "sweep", there)
    await first.start()
    await eventually(lambda: len(here.keys) > 2)
    await second.start()
    await asyncio.sleep(0.3)
    assert there.keys == []
    second.wake("sweep")  # early, from a process that does not do it
    await first.stop(1)
    await eventually(lambda: len(there.keys) > 2)


async def test_a_dead_workers_job_is_done_by_others_and_its_leases_end(database, process):
    worker, seen = process(), Seen()
    worker.handle("drain", seen)
    await schema.prepare(database)
    dead = Leases(database)
    assert await dead.acquire("work", 3600) is not None
    async with database.transaction() as tx:
        row = await tx.fetch_one(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '25 seconds') RETURNING id"
        )
        assert row is not None
        await tx.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status, worker_id)"
            " VALUES ('core', 'drain', 'drain/a', '{\"key\": \"a\"}', 'doing', ?)",
            row["id"],
        )
    await worker.start()
    await eventually(lambda: seen.keys == ["a"])
    assert await Leases(database).acquire("work", 60) is not None


async def test_a_living_process_keeps_its_leases(database, process):
    worker = process()
    await worker.start()
    mine = Leases(database)
    await mine.beat(60)
    assert await mine.acquire("work", 3600) is not None
    await mine.bury()
    assert await Leases(database).acquire("work", 60) is None


async def test_finished_jobs_leave_the_table(database, process):
    worker, seen = process(), Seen()

    async def broken(_key: str) -> None:
        seen.keys.append("failed")
        raise ValueError("always")

    worker.handle("drain", seen)
    worker.handle("broken", broken)
    await worker.start()
    for number in range(200):
        worker.wake("drain", str(number))
    worker.wake("broken")

    async def gone() -> bool:
        return len(seen.keys) >= 201 and await jobs_in(database) == 0

    await eventually(gone)


async def test_a_worker_whose_connections_break_works_on(database, process):
    worker, seen = process(), Seen()
    worker.handle("drain", seen)
    await worker.start()
    worker.wake("drain", "a")
    await eventually(lambda: seen.keys == ["a"])
    await database.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    worker.wake("drain", "b")
    await eventually(lambda: seen.keys == ["a", "b"], 20)


async def test_a_worker_that_others_took_for_dead_works_on(database, process):
    worker, seen = process(), Seen()
    worker.handle("drain", seen)
    await worker.start()
    worker.wake("drain", "a")
    await eventually(lambda: seen.keys == ["a"])
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM procrastinate_workers WHERE id > 0")
    worker.wake("drain", "b")
    await eventually(lambda: seen.keys == ["a", "b"], 20)


async def test_what_a_stopping_worker_does_not_begin_is_left_to_others(process):
    first, second, gate, begun = process(concurrency=1), process(), asyncio.Event(), Seen()

    async def slow(key: str) -> None:
        begun.keys.append(key)
        await gate.wait()

    first.handle("slow", slow)
    await first.start()
    for key in "abc":
        first.wake("slow", key)
    await eventually(lambda: len(begun.keys) == 1)
    asyncio.get_running_loop().call_later(0.1, gate.set)
    await first.stop(5)
    assert len(begun.keys) == 1
    seen = Seen()
    second.handle("slow", seen)
    await second.start()
    await eventually(lambda: len(seen.keys) == 2)
    assert {*begun.keys, *seen.keys} == {"a", "b", "c"}


async def test_a_job_that_arrives_while_a_worker_stops_holds_it_up_no_longer(database, process):
    engine, seen = process(), Seen()
    engine.handle("work", seen)
    await engine.start()
    close = engine._queues.close

    async def close_with_a_late_job() -> None:
        await asyncio.wait_for(
            engine._perform("work", "late"), 5
        )  # its fetch was on its way when the stop came
        await close()

    engine._queues.close = close_with_a_late_job
    await engine.stop(1)
    assert (seen.keys, await jobs_in(database)) == ([], 1)


@pytest.fixture
def empty(column: str, postgresql: PostgreSQL) -> str:
    """The URL of a database without any table."""
    return postgresql.empty()


PREPARE = """
import asyncio, sys
from pathlib import Path
from rallypoint.jobs import schema
from rallypoint.storage.database import Database

async def main(url, *folder):
    if folder:
        schema._folder = lambda: Path(*folder)
    database = Database(url, Path())
    await database.open({"storage": ["rallypoint.storage.models"]})
    try:
        await schema.prepare(database)
    finally:
        await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def prepare_at_once(times: int, *args: str) -> None:
    """Prepare a database in as many processes."""
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PREPARE, *args) for _ in range(times)
    ]
    assert [await process.wait() for process in processes] == [0] * times


async def column_names(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'procrastinate_jobs'"
        )
        return {row["column_name"] for row in rows}
    finally:
        await connection.close()


async def test_four_processes_may_make_the_tables_at_once(empty):
    await prepare_at_once(4, empty)
    assert "queueing_lock" in await column_names(empty)


async def test_older_tables_get_the_migrations_they_lack(empty, tmp_path):
    await prepare_at_once(1, empty)
    before = await column_names(empty)
    (tmp_path / "migrations").mkdir()
    for name, added in (("00.01.00_01_old.sql", "old"), ("99.00.00_01_new.sql", "new")):
        script = f"ALTER TABLE procrastinate_jobs ADD COLUMN {added} int;"
        (tmp_path / "migrations" / name).write_text(script)
    await prepare_at_once(4, empty, str(tmp_path))
    assert await column_names(empty) - before == {"new"}


async def test_a_name_that_does_not_fit_is_refused(process):
    with pytest.raises(ValueError, match="128"):
        process().handle("x" * 129, Seen())


@pytest.mark.parametrize("turns", [0, 1, 3, 10, 30, 100])
async def test_a_process_stops_however_early_it_is_told(process, turns: int):
    """Its queues' workers may still be connecting, where a cancellation is lost now and then."""
    worker = process()
    for queue in ("core", "acme", "bee"):
        worker.handle(f"drain.{queue}", Seen(), queue=queue)
    await worker.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    await asyncio.wait_for(worker.stop(1), 40)
