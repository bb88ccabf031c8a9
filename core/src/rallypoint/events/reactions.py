"""Durable reactions: every loaded plugin that listens hears of every event at least once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from rallypoint.errors import PermanentFailure, RetryLater
from rallypoint.events.rows import event_of
from rallypoint.events.types import Event
from rallypoint.jobs.api import Jobs
from rallypoint.jobs.backoff import backoff
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row
from rallypoint.storage.leases import Lease, LeaseLost, Leases

React = Callable[[str, Event], Awaitable[None]]
MAX_ATTEMPTS = 15
"""Failures after which a plugin is given up for one event: some four hours."""
_BATCH = 50
_SWEEP_SECONDS = 5.0
_LEASE_SECONDS = 60.0
_HELD_ELSEWHERE_MS = 1_000
_log = structlog.stdlib.get_logger("rallypoint.events")


def react_task(plugin: str) -> str:
    """Return the task that has ``plugin`` react: one for each, since only processes that loaded it can."""
    return f"events.react.{plugin}"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of a reaction: done when ``error`` is empty, given up when ``next_at`` is None."""

    id: int
    attempts: int
    error: str = ""
    next_at: int | None = None


class Reactions:
    """Calls plugins, in the order of events, and tries again what failed.

    Args:
        database: Where the rows are.
        jobs: Wakes this, from a queue for each plugin.
        leases: One process serves a plugin at a time.
        react: Calls one plugin's ``on_event``, with its own timeout; raises what the plugin raised.
        reactors: Names of the loaded plugins that listen; rows of any other are parked.
    """

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        leases: Leases,
        react: React,
        reactors: Callable[[], Collection[str]],
    ) -> None:
        self._database, self._jobs, self._leases = database, jobs, leases
        self._react, self._reactors = react, reactors
        self._served: set[str] = set()

    def serve(self, plugin: str) -> None:
        """Have ``plugin`` react in this process; before the jobs start."""
        task = react_task(plugin)
        self._served.add(plugin)
        self._jobs.handle(task, lambda _key: self.run(plugin), queue=plugin)
        self._jobs.every(_SWEEP_SECONDS, f"{task}.sweep", partial(self._sweep, plugin), queue=plugin)

    def wake(self, plugin: str) -> None:
        """Have ``plugin`` react soon; one that this process has not loaded is found by the sweep of one that has."""
        if plugin in self._served:
            self._jobs.wake(react_task(plugin))

    async def run(self, plugin: str) -> None:
        """Have ``plugin`` react to everything that is due."""
        if plugin not in self._reactors():
            return
        lease = await self._leases.acquire(react_task(plugin), _LEASE_SECONDS)
        if lease is None:
            return  # its holder looks again when it ends
        try:
            while rows := await self._due(plugin):
                lease = await self._work(lease, rows)
            await self._wake_when_due(plugin)
        except LeaseLost:
            self._jobs.wake_at(clock.now() + _HELD_ELSEWHERE_MS, react_task(plugin))
        finally:
            if await self._leases.release(lease):
                self._jobs.wake(react_task(plugin))

    async def _wake_when_due(self, plugin: str) -> None:
        row = await self._database.fetch_one(
            "SELECT MIN(next_at) AS next_at FROM event_reactions WHERE plugin = ?", plugin
        )
        if row is not None and row["next_at"] is not None:
            self._jobs.wake_at(row["next_at"], react_task(plugin))

    async def _sweep(self, plugin: str) -> None:
        if plugin in self._reactors() and await self._due(plugin, 1):
            self._jobs.wake(react_task(plugin))

    async def _due(self, plugin: str, limit: int = _BATCH) -> list[Row]:
        return await self._database.fetch(
            "SELECT r.id AS reaction_id, r.plugin, r.attempts, e.*"
            " FROM event_reactions r JOIN events e ON e.id = r.event_id"
            " WHERE r.plugin = ? AND r.next_at <= ? ORDER BY r.next_at, r.id LIMIT ?",
            plugin,
            clock.now(),
            limit,
        )

    async def _work(self, lease: Lease, rows: Sequence[Row]) -> Lease:
        """React to each row, writing down what came of it at least once a second."""
        verdicts: list[_Verdict] = []
        written = time.monotonic()
        for row in rows:
            verdicts.append(await self._one(row))
            if time.monotonic() - written > 1.0:
                await self._write(lease, verdicts)
                lease = await self._leases.renew(lease, _LEASE_SECONDS)
                verdicts, written = [], time.monotonic()
        await self._write(lease, verdicts)
        return lease

    async def _one(self, row: Row) -> _Verdict:
        plugin = row["plugin"]
        id_, attempts = row["reaction_id"], row["attempts"] + 1
        try:
            await self._react(plugin, event_of(row))
        except PermanentFailure as error:
            return _Verdict(id_, attempts, _said(error))
        except RetryLater as error:
            return _Verdict(id_, attempts, _said(error), clock.now() + backoff(attempts, error.after))
        except Exception as error:
            _log.warning(
                "a reaction failed", plugin=plugin, kind=row["type"], attempt=attempts, exc_info=True
            )
            again = None if attempts >= MAX_ATTEMPTS else clock.now() + backoff(attempts)
            return _Verdict(id_, attempts, _said(error), again)
        return _Verdict(id_, attempts)

    async def _write(self, lease: Lease, verdicts: Sequence[_Verdict]) -> None:
        done = [(verdict.id,) for verdict in verdicts if not verdict.error]
        failed = [verdict for verdict in verdicts if verdict.error]
        async with self._database.transaction() as tx:
            await Leases.guard(tx, lease)
            if done:
                await tx.execute_many("DELETE FROM event_reactions WHERE id = ?", done)
            if failed:
                await tx.execute_many(
                    "UPDATE event_reactions SET attempts = ?, error = ?, next_at = ? WHERE id = ?",
                    [(verdict.attempts, verdict.error, verdict.next_at, verdict.id) for verdict in failed],
                )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
