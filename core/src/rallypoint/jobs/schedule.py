"""Runs plugins' tasks: each row when it is due, once at a time over all processes, and later after failures.

The rows are the schedule (``jobs.runs``); a job is a wake-up for one of them. Rows whose plugin is not loaded
are left as they are until it is back.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from rallypoint.connections.api import Connection, ConnectionState
from rallypoint.connections.pace import Paced
from rallypoint.connections.service import Connections
from rallypoint.errors import BadConfig, NeedsReauth, PermanentFailure, PluginError, RetryLater
from rallypoint.jobs import runs
from rallypoint.jobs.api import Jobs
from rallypoint.jobs.runs import Result
from rallypoint.plugins.contributions import Task
from rallypoint.plugins.running import Runner, run_plainly
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.together import Together

SWEEP_SECONDS = 5.0
CLAIM_MARGIN = 30.0
"""Seconds a claim outlives its task's timeout: after them another process takes over from a dead one."""
_FIRST_BACKOFF = 5.0
_BATCH = 1000
_TOGETHER_SECONDS = 0.03
"""How long a claim, and an outcome, waits for others: of thousands that are due at once many go in one commit."""
_log = structlog.stdlib.get_logger("rallypoint.schedule")


@dataclass(frozen=True, slots=True)
class _Planned:
    plugin: str
    task: Task

    @property
    def job(self) -> str:
        return f"schedule.{self.plugin}.{self.task.name}.run"


class Schedule:
    """The tasks of all plugins of one process.

    Args:
        database: Where the rows are.
        jobs: Woken for each row; its handlers are registered by :meth:`add`.
        connections: Whose tasks run for each of them.
        run: Attributes what goes wrong to the plugin.
    """

    def __init__(
        self, database: Database, jobs: Jobs, connections: Connections, *, run: Runner = run_plainly
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._connections = connections
        self._run = run
        self._planned: dict[tuple[str, str], _Planned] = {}
        self._claim = Together(partial(runs.claim, database), _TOGETHER_SECONDS)
        self._settle = Together(partial(runs.settle, database), _TOGETHER_SECONDS)
        connections.observe(self._connection_changed)

    def add(self, plugin: str, tasks: Iterable[Task]) -> None:
        """Plan a plugin's tasks, before the jobs start; call :meth:`prepare` once tables exist.

        Raises:
            ValueError: Two tasks of the plugin have one name.
        """
        found = list(tasks)
        if found:
            sweep = partial(self.sweep, plugin)
            self._jobs.every(SWEEP_SECONDS, f"schedule.{plugin}.sweep", sweep, queue=plugin)
        for task in found:
            if (plugin, task.name) in self._planned:
                raise ValueError(f"the plugin {plugin} has two tasks named {task.name!r}")
            planned = self._planned[plugin, task.name] = _Planned(plugin, task)
            self._jobs.handle(planned.job, partial(self._run_row, planned), queue=plugin)

    async def prepare(self) -> None:
        """Make the rows that are missing, and give what was parked for a bad setting another chance."""
        async with self._database.transaction() as tx:
            await tx.hold("schedule.prepare")
            if self._database.is_sqlite:  # one process alone serves it: older claims are of a dead one
                await runs.end_claims(tx)
            await runs.remove_orphans(tx)
            for planned in self._planned.values():
                await _ensure(tx, planned)
            for plugin in {planned.plugin for planned in self._planned.values()}:
                await runs.unpark_config(tx, plugin)

    async def resume(self, plugin: str) -> None:
        """Let a plugin's parked tasks run again, as when its quarantine is lifted."""
        async with self._database.transaction() as tx:
            await runs.unpark_config(tx, plugin)

    async def run_now(self, plugin: str, task: str, connection_id: str = "") -> None:
        """Run a task as soon as it may, whatever its schedule says; joins the transaction under way.

        Raises:
            LookupError: The plugin has no such task.
        """
        planned = self._planned[plugin, task]
        async with self._database.transaction() as tx:
            await self._make_due(tx, planned, connection_id)

    async def rows(self, plugin: str, limit: int = 100) -> list[Mapping[str, Any]]:
        """Return a plugin's rows for its operator, those that fail first; tokens and bodies are in none."""
        return await self._database.fetch(
            "SELECT task, connection_id, next_at, failures, last_error, last_started_at, last_finished_at,"
            " last_success_at FROM scheduled_runs WHERE plugin = ? ORDER BY failures DESC, id LIMIT ?",
            plugin,
            limit,
        )

    async def sweep(self, plugin: str) -> None:
        """Wake every row of a plugin that is due: the schedule, and what lost wake-ups and dead processes left."""
        for planned in [planned for planned in self._planned.values() if planned.plugin == plugin]:
            for row_id in await runs.due(self._database, planned.plugin, planned.task.name, _BATCH):
                self._jobs.wake(planned.job, row_id)

    async def _run_row(self, planned: _Planned, row_id: str) -> None:
        row = await self._claim((row_id, planned.task.timeout + CLAIM_MARGIN))
        if row is None:
            return
        result = Result(clock.now(), "interrupted", row["failures"])
        try:
            result = await self._attempt(planned, row)
        finally:  # a run that is cancelled by a stop is due again at the next start
            await self._settle((row, result))
        if result.next_at is not None and result.next_at - clock.now() < SWEEP_SECONDS * 1000:
            self._jobs.wake_at(result.next_at, planned.job, row_id)

    async def _attempt(self, planned: _Planned, row: Row) -> Result:
        connection = await self._connection_of(planned, row)
        if planned.task.service is not None and connection is None:
            return Result(None, "the connection is gone")
        task = planned.task
        try:
            await self._run(
                planned.plugin, _awaited(task.run(connection)), what=f"task {task.name}", timeout=task.timeout
            )
        except NeedsReauth as error:
            if connection is not None:
                await self._connections.mark_needs_reauth(connection, str(error))
            return Result(None, f"needs reauthorisation: {error}", row["failures"] + 1)
        except Paced as error:
            wait = (error.after or 1.0) * random.uniform(1.0, 1.5)
            return Result(_in(wait), str(error), row["failures"])
        except Exception as error:
            if connection is not None:
                await self._connections.note(connection.id, "failed", detail=_for_owner(task, error))
            return _failed(planned, row, error)
        return Result(_in(task.every * random.uniform(0.95, 1.05)))

    async def _connection_of(self, planned: _Planned, row: Row) -> Connection | None:
        if planned.task.service is None:
            return None
        connection = await self._connections.get(row["connection_id"])
        return connection if connection is not None and connection.state == "connected" else None

    async def _connection_changed(
        self, tx: Transaction, plugin: str, connection: Connection, state: ConnectionState
    ) -> None:
        if state == "removed":
            await runs.remove(tx, connection.id)
        elif state == "needs_reauth":
            await runs.park(tx, connection.id, "the connection needs reauthorisation")
        elif connection.mode == "live":
            for planned in self._planned.values():
                if (planned.plugin, planned.task.service) == (plugin, connection.service):
                    await self._make_due(tx, planned, connection.id)

    async def _make_due(self, tx: Transaction, planned: _Planned, connection_id: str) -> None:
        await runs.make_due(tx, planned.plugin, planned.task.name, connection_id)
        row_id = runs.run_id(planned.plugin, planned.task.name, connection_id)
        tx.after_commit(partial(self._jobs.wake, planned.job, row_id))


async def _ensure(tx: Transaction, planned: _Planned) -> None:
    if planned.task.service is None:
        await runs.ensure_global(tx, planned.plugin, planned.task.name)
    else:
        await runs.ensure_for_service(tx, planned.plugin, planned.task.name, planned.task.service)


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _for_owner(task: Task, error: Exception) -> str:
    """Return what a connection's owner is told; a bug's text is the operator's."""
    return (
        f"{task.name}: {error}" if isinstance(error, PluginError) else f"{task.name}: an error in the plugin"
    )


def _failed(planned: _Planned, row: Row, error: Exception) -> Result:
    task, failures = planned.task, row["failures"] + 1
    text = str(error) or type(error).__name__
    _log.warning(
        "a task failed", plugin=planned.plugin, task=task.name, error=type(error).__name__, failures=failures
    )
    if isinstance(error, BadConfig):
        return Result(None, f"bad configuration: {text}", failures)
    if isinstance(error, PermanentFailure):
        return Result(_in(task.every), text, failures)
    if isinstance(error, RetryLater) and error.after is not None:
        return Result(_in(error.after * random.uniform(1.0, 1.1)), text, failures)
    backoff = min(task.max_backoff, _FIRST_BACKOFF * 2.0 ** min(failures - 1, 20))
    return Result(_in(backoff * random.uniform(0.5, 1.0)), text, failures)


def _in(seconds: float) -> int:
    return clock.now() + round(seconds * 1000)
