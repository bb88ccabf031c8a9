"""Plugins' tasks: due rows run once, failures wait as they say, and nothing runs for who is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from rallypoint.connections.api import Connection, Owner
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.errors import BadConfig, NeedsReauth, PermanentFailure, RetryLater
from rallypoint.events.outbox import Outbox
from rallypoint.jobs import runs
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.jobs.schedule import Schedule
from rallypoint.plugins.contributions import ApiKeyConnection, Task
from rallypoint.realtime.channel import Message
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row
from rallypoint.storage.leases import Leases

ALICE = Owner("account", "alice", "live")


class Nobody:
    def publish(self, message: Message) -> None:
        return None


class House:
    """A process: jobs, connections and a schedule over a database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.jobs = EmbeddedJobs()
        outbox = Outbox(database, self.jobs, Nobody())
        settings = Settings(secret_key="x" * 32)
        self.connections = Connections(
            database, Vault(settings), outbox, ProviderHttp(), settings, Leases(database)
        )
        self.connections.declare("acme", _acme())
        self.schedule = Schedule(database, self.jobs, self.connections)

    async def start(self, *tasks: Task) -> None:
        self.schedule.add("acme", tasks)
        await self.schedule.prepare()
        await self.jobs.start()

    async def row(self, task: str = "sync") -> Row:
        rows = await self.database.fetch("SELECT * FROM scheduled_runs WHERE task = ?", task)
        assert len(rows) == 1
        return rows[0]

    async def settled(self, task: str = "sync") -> Row:
        async with asyncio.timeout(5):
            while True:
                rows = await self.database.fetch("SELECT * FROM scheduled_runs WHERE task = ?", task)
                if rows and rows[0]["last_finished_at"] is not None and not rows[0]["claimed_until"]:
                    return rows[0]
                await asyncio.sleep(0.01)


def _acme() -> ApiKeyConnection:
    async def identify(connection: Connection) -> str:
        return "Alice"

    return ApiKeyConnection("acme", "Acme", "http://127.0.0.1:9", lambda key: {"X-API-KEY": key}, identify)


@pytest_asyncio.fixture
async def house(database: Database) -> AsyncIterator[House]:
    made = House(database)
    yield made
    await made.jobs.stop(1)


class Work:
    """A task's function that remembers whom it ran for and raises what it is told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.runs: list[Connection | None] = []
        self.ran = asyncio.Event()

    async def __call__(self, connection: Connection | None) -> None:
        self.runs.append(connection)
        self.ran.set()
        if self.errors:
            raise self.errors.pop(0)


def global_task(run: Callable[[Connection | None], Awaitable[None]], **more: Any) -> Task:
    return Task("sync", **{"every": 60.0, "run": run, **more})


def away(row: Row) -> float:
    """Return in how many seconds a row is due."""
    return float(row["next_at"] - clock.now()) / 1000


async def test_a_global_task_runs_at_start_and_then_by_its_period(house: House) -> None:
    work = Work()
    await house.start(global_task(work))
    row = await house.settled()
    assert work.runs == [None]
    assert 55 < away(row) < 64
    assert row["last_success_at"] is not None
    assert row["failures"] == 0


async def test_a_short_period_does_not_wait_for_the_sweep(house: House) -> None:
    work = Work()
    await house.start(global_task(work, every=0.1))
    async with asyncio.timeout(3):
        while len(work.runs) < 4:
            await asyncio.sleep(0.01)


async def test_connecting_runs_the_task_for_the_connection_at_once(house: House) -> None:
    work = Work()
    await house.start(global_task(work, service="acme"))
    await house.connections.connect(ALICE, "acme", "k")
    row = await house.settled()
    assert [run.user_id for run in work.runs if run] == ["alice"]
    assert row["connection_id"] == work.runs[0].id if work.runs[0] else False


async def test_connections_older_than_the_task_get_their_rows(house: House) -> None:
    await house.connections.connect(ALICE, "acme", "k")
    work = Work()
    await house.start(global_task(work, service="acme"))
    await house.settled()
    assert len(work.runs) == 1


async def test_the_sandbox_is_never_synced(house: House) -> None:
    await house.connections.connect(Owner("twin", "alice", "sandbox"), "acme", "k")
    work = Work()
    await house.start(global_task(work, service="acme"))
    await house.connections.connect(Owner("twin", "bob", "sandbox"), "acme", "k")
    await asyncio.sleep(0.1)
    assert work.runs == []


async def test_disconnecting_ends_it(house: House) -> None:
    work = Work()
    await house.start(global_task(work, service="acme"))
    await house.connections.connect(ALICE, "acme", "k")
    await house.settled()
    await house.connections.disconnect(ALICE, "acme")
    assert await house.database.fetch("SELECT * FROM scheduled_runs") == []


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (RetryLater("busy", after=100), 99, 111),
        (RetryLater("away"), 2, 5.1),
        (PermanentFailure("never"), 55, 64),
        (ValueError("a bug"), 2, 5.1),
    ],
)
async def test_failures_wait_as_they_say(house: House, error: Exception, least: float, most: float) -> None:
    await house.start(global_task(Work(error)))
    row = await house.settled()
    assert least <= away(row) <= most
    assert (row["failures"], row["last_error"]) == (1, str(error))
    assert row["last_success_at"] is None


async def test_backoff_grows_up_to_its_bound(house: House) -> None:
    await house.start(global_task(Work(ValueError("bug")), max_backoff=40))
    row = await house.settled()
    async with house.database.transaction() as tx:
        await tx.execute("UPDATE scheduled_runs SET failures = 30, next_at = ?, last_finished_at = NULL", 1)
    again = Work(ValueError("bug"))
    other = Schedule(house.database, EmbeddedJobs(), house.connections)
    planned = global_task(again, max_backoff=40)
    other.add("acme", [planned])
    await other._run_row(other._planned["acme", "sync"], row["id"])
    assert 19 < away(await house.row()) <= 40


async def test_a_bad_setting_parks_the_task_until_the_next_start(house: House) -> None:
    work = Work(BadConfig("RALLYPOINT_ACME_URL is wrong"))
    await house.start(global_task(work))
    row = await house.settled()
    assert row["next_at"] is None
    assert "RALLYPOINT_ACME_URL" in row["last_error"]
    await house.schedule.resume("acme")
    await house.schedule.sweep("acme")
    async with asyncio.timeout(3):
        while len(work.runs) < 2:
            await asyncio.sleep(0.01)


async def test_a_dead_credential_parks_until_a_new_one_comes(house: House) -> None:
    work = Work(NeedsReauth("401"))
    await house.start(global_task(work, service="acme"))
    await house.connections.connect(ALICE, "acme", "k")
    await house.settled()
    assert (await house.connections.row(ALICE, "acme"))["state"] == "needs_reauth"
    assert (await house.row())["next_at"] is None
    await house.schedule.prepare()
    assert (await house.row())["next_at"] is None
    await house.connections.connect(ALICE, "acme", "new")
    async with asyncio.timeout(3):
        while len(work.runs) < 2:
            await asyncio.sleep(0.01)
    assert (await house.settled())["failures"] == 0


async def test_a_task_that_hangs_is_a_failure(house: House) -> None:
    async def hang(_connection: Connection | None) -> None:
        await asyncio.Event().wait()

    await house.start(global_task(hang, timeout=0.05))
    row = await house.settled()
    assert (row["failures"], row["last_error"]) == (1, "TimeoutError")


async def test_one_run_at_a_time_over_all_processes(house: House) -> None:
    now, most = 0, 0

    async def slow(_connection: Connection | None) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1

    task = global_task(slow)
    houses = [House(house.database) for _ in range(4)]
    for each in [house, *houses]:
        each.schedule.add("acme", [task])
        await each.schedule.prepare()
    for each in [house, *houses]:
        await each.jobs.start()
    await house.settled()
    assert most == 1
    for each in houses:
        await each.jobs.stop(1)


async def test_a_dead_process_is_taken_over_and_its_late_write_refused(house: House) -> None:
    await house.start(global_task(Work(), every=3600))
    await house.settled()
    async with house.database.transaction() as tx:
        await tx.execute("UPDATE scheduled_runs SET next_at = ?", 1)
    (frozen,) = await runs.claim(house.database, [("acme/sync/", 0)])
    assert frozen is not None
    await asyncio.sleep(0.002)
    (taken,) = await runs.claim(house.database, [("acme/sync/", 60)])
    assert taken is not None
    assert await runs.claim(house.database, [("acme/sync/", 60)]) == [None]
    await runs.settle(house.database, [(frozen, runs.Result(5, "late"))])
    assert (await house.row())["claimed_until"] == taken["claimed_until"]
    await runs.settle(house.database, [(taken, runs.Result(7))])
    row = await house.row()
    assert (row["next_at"], row["claimed_until"], row["last_error"]) == (7, 0, "")


async def test_rows_are_claimed_and_settled_many_at_a_time_each_by_itself(house: House) -> None:
    async with house.database.transaction() as tx:
        for name in ("a", "b", "c"):
            await runs.make_due(tx, "acme", name, "")
    claimed = await runs.claim(house.database, [("acme/c/", 60), ("acme/x/", 60), ("acme/a/", 60)])
    assert [row and row["id"] for row in claimed] == ["acme/c/", None, "acme/a/"]
    first, _, third = claimed
    assert first is not None
    assert third is not None
    await runs.settle(house.database, [(first, runs.Result(5, "broken", 2)), (third, runs.Result(7))])
    rows = await house.database.fetch(
        "SELECT id, next_at, failures, last_error FROM scheduled_runs ORDER BY id"
    )
    assert [
        (row["id"], row["next_at"], row["failures"], row["last_error"])
        for row in rows
        if row["id"] != "acme/b/"
    ] == [
        ("acme/a/", 7, 0, ""),
        ("acme/c/", 5, 2, "broken"),
    ]


async def test_a_killed_server_finds_its_tasks_due_at_the_next_start(house: House) -> None:
    if not house.database.is_sqlite:
        pytest.skip("other processes may be alive: their claims are waited out")
    async with house.database.transaction() as tx:
        await runs.make_due(tx, "acme", "sync", "")
    assert await runs.claim(house.database, [("acme/sync/", 3600)]) != [None]
    work = Work()
    await house.start(global_task(work))
    await house.settled()
    assert work.runs == [None]


async def test_what_is_made_due_while_it_runs_runs_again(house: House) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    count = 0

    async def work(_connection: Connection | None) -> None:
        nonlocal count
        count += 1
        begun.set()
        await go_on.wait()

    await house.start(global_task(work, every=3600))
    await begun.wait()
    await asyncio.sleep(0.005)
    await house.schedule.run_now("acme", "sync")
    go_on.set()
    async with asyncio.timeout(3):
        while count < 2:
            await asyncio.sleep(0.01)


async def test_a_stop_leaves_the_run_due_for_the_next_start(house: House) -> None:
    begun = asyncio.Event()

    async def endless(_connection: Connection | None) -> None:
        begun.set()
        await asyncio.Event().wait()

    await house.start(global_task(endless))
    await begun.wait()
    await house.jobs.stop(0)
    row = await house.row()
    assert row["claimed_until"] == 0
    assert away(row) <= 0


async def test_rows_of_an_absent_plugin_wait(house: House) -> None:
    async with house.database.transaction() as tx:
        await runs.make_due(tx, "gone", "sync", "")
        await runs.make_due(tx, "gone", "sync", "a-connection-that-was-removed")
    await house.start(global_task(Work()))
    await house.schedule.sweep("acme")
    rows = await house.database.fetch("SELECT * FROM scheduled_runs WHERE plugin = 'gone'")
    assert [(row["connection_id"], row["last_started_at"]) for row in rows] == [("", None)]
    assert len(await house.schedule.rows("gone")) == 1


async def test_a_thousand_due_at_once_all_run_once_and_not_all_at_once(house: House) -> None:
    """None is skipped, none is run twice, sweeps in between or not, and no more run at once than there are places."""
    at = clock.now()
    async with house.database.transaction() as tx:
        await tx.execute_many(
            "INSERT INTO connections (id, account_id, user_id, mode, service, state, label, reason,"
            " credential, version, seq, created_at, updated_at)"
            " VALUES (?, 'account', ?, 'live', 'acme', 'connected', '', '', '', 1, 0, ?, ?)",
            [[f"c{number}", f"u{number}", at, at] for number in range(1000)],
        )
    done: list[str] = []
    running, most = 0, 0

    async def work(connection: Connection | None) -> None:
        nonlocal running, most
        assert connection is not None
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        done.append(connection.id)

    await house.start(global_task(work, service="acme"))
    async with asyncio.timeout(60):
        while len(done) < 1000:
            await house.schedule.sweep("acme")
            await asyncio.sleep(0.05)
    await house.schedule.sweep("acme")
    await asyncio.sleep(0.1)
    assert len(done) == len(set(done)) == 1000
    assert 1 < most <= 16


async def test_task_names_are_unique_in_a_plugin(house: House) -> None:
    with pytest.raises(ValueError, match="sync"):
        house.schedule.add("acme", [global_task(Work()), global_task(Work())])
    with pytest.raises(LookupError):
        await house.schedule.run_now("acme", "nothing")
