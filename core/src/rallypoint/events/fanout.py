"""Fans events out after commit: deliveries for targets that match, reactions for plugins that listen."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from rallypoint.events.outbox import FANOUT
from rallypoint.events.types import EventType
from rallypoint.jobs.api import Jobs
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.leases import Lease, LeaseLost, Leases
from rallypoint.webhooks.queue import DRAIN, Entry, enqueue, shards_of, wake_keys

_BATCH = 500
_LEASE_SECONDS = 10.0
_COLUMNS = "SELECT id, type, account_id, mode, subject, seq FROM events WHERE fan_at > 0"
_WAITING = f"{_COLUMNS} ORDER BY fan_at, id LIMIT ?"
_BEGINNINGS = (
    f"{_COLUMNS} AND subject IN (SELECT subject FROM events WHERE fan_at > 0 ORDER BY fan_at, id LIMIT ?)"  # noqa: S608
    " ORDER BY subject, seq LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class _Match:
    """A target that receives events of a subject; ``events`` limits which."""

    id: str
    events: frozenset[str] | None


class Fanout:
    """Turns un-fanned events into work, in the order of each subject.

    Args:
        database: Where the rows are.
        jobs: Wakes this, and is told to wake what follows.
        leases: One process fans out at a time.
        types: The declared events by name.
        listeners: Returns the plugins that react to events in any process, each with the names of those that
            it reacts to (``thing.*`` for all that begin so); asked for each batch.
        react: Has a plugin react soon, if this process can bring that about.
    """

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        leases: Leases,
        types: Mapping[str, EventType],
        listeners: Callable[[Transaction], Awaitable[Mapping[str, tuple[str, ...]]]],
        react: Callable[[str], None],
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._leases = leases
        self._types = types
        self._listeners, self._react = listeners, react
        self._shards = shards_of(database)
        self._lease: Lease | None = None
        self._renew_at = 0.0
        jobs.handle(FANOUT, self._run)
        jobs.every(2.0, "events.fanout_sweep", self._sweep)

    async def run(self) -> int:
        """Fan out everything that is committed and return how many events that was.

        While another process has the lease that is none: its holder looks again when it ends.
        """
        total = 0
        try:
            while (lease := await self._hold()) and (rows := await self._read()):
                async with self._database.transaction() as tx:
                    await self._leases.guard(tx, lease)
                    await self._write(tx, rows)
                total += len(rows)
        except LeaseLost:
            self._lease = None
            raise
        finally:
            await self._let_go()
        return total

    async def _hold(self) -> Lease | None:
        """Return the lease, acquired anew once half its time is over; None while another process has it."""
        if self._lease is None or time.monotonic() > self._renew_at:
            self._renew_at = time.monotonic() + _LEASE_SECONDS / 2
            self._lease = await self._leases.acquire(FANOUT, _LEASE_SECONDS)
        return self._lease

    async def _let_go(self) -> None:
        """Give the lease up, except where nobody else could want it: there it is kept for the next event."""
        if self._lease is None or self._database.is_sqlite:
            return
        lease, self._lease = self._lease, None
        if await self._leases.release(lease):
            self._jobs.wake(FANOUT)

    async def _run(self, _key: str) -> None:
        await self.run()

    async def _sweep(self) -> None:
        if await self._database.fetch_one(
            "SELECT 1 FROM events WHERE fan_at > 0 ORDER BY fan_at, id LIMIT 1"
        ):
            self._jobs.wake(FANOUT)

    async def _read(self) -> list[Row]:
        """Read whole beginnings of subjects: neither time nor id is an order, a later event may have the smaller one.

        Mostly that is everything that waits, which one index alone tells, however PostgreSQL has planned it: it
        plans a statement once, and may have done so while the table was all but empty.
        """
        rows = await self._database.fetch(_WAITING, _BATCH + 1)
        if len(rows) > _BATCH:
            return await self._database.fetch(_BEGINNINGS, _BATCH, _BATCH)
        return sorted(rows, key=lambda row: (row["subject"], row["seq"]))

    async def _write(self, tx: Transaction, rows: Sequence[Row]) -> None:
        at = clock.now()
        entries = await self._entries(tx, rows)
        if entries:
            await enqueue(tx, entries, at, self._shards)
        plugins = await self._add_reactions(tx, rows, at)
        ids = sorted(row["id"] for row in rows)  # the order in which pushes are marked: no deadlocks
        await tx.execute_many("UPDATE events SET fan_at = NULL WHERE id = ?", [(id_,) for id_ in ids])
        keys = wake_keys(entries, self._shards)
        tx.after_commit(lambda: self._wake(keys, plugins))

    def _wake(self, shards: Iterable[str], plugins: Iterable[str]) -> None:
        for shard in shards:
            self._jobs.wake(DRAIN, shard)
        for plugin in plugins:
            self._react(plugin)

    async def _entries(self, tx: Transaction, rows: Sequence[Row]) -> list[Entry]:
        wanted = [row for row in rows if self._reaches_webhooks(row["type"])]
        if not wanted:
            return []
        targets = await self._targets(tx, wanted)
        return [
            Entry(target.id, row["subject"], row["seq"], row["id"], row["type"])
            for row in wanted
            for subject in (row["subject"], f"account:{row['account_id']}")
            for target in targets.get((subject, row["mode"]), ())
            if target.events is None or row["type"] in target.events
        ]

    def _reaches_webhooks(self, name: str) -> bool:
        kind = self._types.get(name)
        return kind is not None and kind.webhooks

    @staticmethod
    async def _targets(tx: Transaction, rows: Sequence[Row]) -> dict[tuple[str, str], list[_Match]]:
        subjects = sorted({row["subject"] for row in rows} | {f"account:{row['account_id']}" for row in rows})
        marks = ", ".join("?" * len(subjects))
        found = await tx.fetch(
            "SELECT id, subject, mode, events FROM webhook_targets WHERE state = 'active'"  # noqa: S608 - question marks alone
            f" AND subject IN ({marks})",
            *subjects,
        )
        targets: dict[tuple[str, str], list[_Match]] = {}
        for row in found:
            events = None if row["events"] is None else frozenset(orjson.loads(row["events"]))
            targets.setdefault((row["subject"], row["mode"]), []).append(_Match(row["id"], events))
        return targets

    async def _add_reactions(self, tx: Transaction, rows: Sequence[Row], at: int) -> list[str]:
        """Write what plugins are to react to, and return which have something new."""
        listeners = sorted((await self._listeners(tx)).items())
        wanted = [
            (plugin, row["id"], at, at)
            for row in rows
            for plugin, patterns in listeners
            if hears(patterns, row["type"])
        ]
        if wanted:
            await tx.execute_many(
                "INSERT INTO event_reactions (plugin, event_id, attempts, next_at, error, created_at)"
                " VALUES (?, ?, 0, ?, '', ?) ON CONFLICT DO NOTHING",
                wanted,
            )
        return sorted({plugin for plugin, *_ in wanted})


@lru_cache(maxsize=4096)
def hears(patterns: tuple[str, ...], event: str) -> bool:
    """Tell whether one of the patterns is an event's name, or ``thing.*`` with which it begins, or ``*``."""
    return any(
        event == pattern or (pattern.endswith("*") and event.startswith(pattern[:-1])) for pattern in patterns
    )
