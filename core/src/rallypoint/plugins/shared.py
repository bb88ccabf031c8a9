"""Status beyond one process: each writes its heartbeat and its plugins' states, and reads who was resumed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from rallypoint.plugins.health import check_health
from rallypoint.plugins.markers import FOLDER, CrashMarkers
from rallypoint.plugins.plugins import Plugins
from rallypoint.plugins.status import PluginStatus, worst
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id

SYNC_SECONDS = 1.0
HEALTH_SECONDS = 30.0
CLOCK_SECONDS = 30.0
RECORD_SECONDS = 600.0
HEARTBEAT = 5 * clock.SECOND
ALIVE = 20 * clock.SECOND
KEPT = 10 * clock.MINUTE
WORKERS_PART = 0.8
LISTENS = clock.DAY
"""How long events are kept for a listening plugin of which no process is left."""
_log = structlog.get_logger("rallypoint.plugins")


@dataclass(frozen=True, slots=True)
class ProcessStates:
    """What one process says of its plugins.

    Args:
        id: Of the process's row.
        kind: ``server`` or ``worker``.
        host: Where it runs.
        pid: Of the operating system there.
        alive: Whether its heartbeat is fresh.
        statuses: In the order of loading.
    """

    id: str
    kind: str
    host: str
    pid: int
    alive: bool
    statuses: tuple[PluginStatus, ...]


class SharedStatus:
    """This process's part in the shared status.

    Args:
        database: Open and migrated when :meth:`open` is called.
        plugins: Of this process.
        kind: ``server`` or ``worker``.
        resumed: Called with the name of a plugin that has been given another chance.
        share: Called, whenever processes were counted, with this one's part of what all may do together.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        kind: str = "server",
        *,
        resumed: Callable[[str], Awaitable[None]] | None = None,
        share: Callable[[float], None] | None = None,
    ) -> None:
        self._database, self._plugins, self._kind = database, plugins, kind
        self._resumed, self._share = resumed, share
        self.id = new_id()
        self._started_at = clock.now()
        self._beat_at = 0
        self._published: list[PluginStatus] = []
        self._resumes: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Show this process and its plugins, and begin to follow the others."""
        await record(self._database, self._plugins)
        self._resumes = await _resumes(self._database)
        await self.publish()
        await self._count()
        self._tasks = [
            asyncio.create_task(_every(SYNC_SECONDS, self.sync_once)),
            asyncio.create_task(_every(HEALTH_SECONDS, self._check_health)),
            asyncio.create_task(_every(CLOCK_SECONDS, self._database.follow_clock)),
            asyncio.create_task(_every(RECORD_SECONDS, lambda: record(self._database, self._plugins))),
        ]

    async def close(self) -> None:
        """Stop following, and leave a last word for who looks while no server runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._beat(seen_at=0)

    async def sync_once(self) -> None:
        """Lift quarantines that were resumed elsewhere, publish what changed, and count who runs."""
        counts = await _resumes(self._database)
        for plugin, count in counts.items():
            if count != self._resumes.get(plugin, 0):
                self._plugins.dispatch.resume(plugin)
                if self._resumed is not None:
                    await self._resumed(plugin)
        self._resumes = counts
        changed = self._plugins.statuses != self._published
        if changed or clock.now() - self._beat_at >= HEARTBEAT:
            await self.publish()
        await self._count()

    async def publish(self) -> None:
        """Write the heartbeat, and the states if they changed."""
        statuses = self._plugins.statuses
        await self._beat(seen_at=clock.now())
        if statuses != self._published:
            await self._write(statuses)
            self._published = statuses

    async def _count(self) -> None:
        if self._share is not None:
            rows = await self._database.fetch(
                "SELECT kind, COUNT(*) AS running FROM processes WHERE seen_at >= ? GROUP BY kind",
                clock.now() - ALIVE,
            )
            self._share(part_of(self._kind, {row["kind"]: row["running"] for row in rows}))

    async def _check_health(self) -> None:
        await check_health(self._plugins)

    async def _beat(self, seen_at: int) -> None:
        self._beat_at = clock.now()
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT INTO processes (id, kind, pid, host, started_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
                self.id,
                self._kind,
                os.getpid(),
                socket.gethostname()[:255],
                self._started_at,
                seen_at,
            )
            if seen_at:
                await _forget_dead(tx, before=seen_at - KEPT)

    async def _write(self, statuses: Sequence[PluginStatus]) -> None:
        rows = [
            (f"{self.id}/{status.name}", self.id, status.name, position, json.dumps(asdict(status)))
            for position, status in enumerate(statuses)
        ]
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM plugin_states WHERE process_id = ?", self.id)
            await tx.execute_many(
                "INSERT INTO plugin_states (id, process_id, plugin, position, state) VALUES (?, ?, ?, ?, ?)",
                rows,
            )


def part_of(kind: str, running: Mapping[str, int]) -> float:
    """Return a process's part of what all processes may do together, of 1.

    Workers have most of it, evenly, and servers what is left, for the calls that users wait for; where there is one
    kind alone, it has all.

    Args:
        kind: Of the process.
        running: How many processes of each kind run, this one included.
    """
    part = 1.0 if running.keys() <= {kind} else WORKERS_PART if kind == "worker" else 1 - WORKERS_PART
    return part / max(1, running.get(kind, 1))


async def read_states(database: Database) -> list[ProcessStates]:
    """Return what every known process says of its plugins, the newest first."""
    processes = await database.fetch("SELECT * FROM processes ORDER BY started_at DESC, id")
    rows = await database.fetch("SELECT process_id, state FROM plugin_states ORDER BY process_id, position")
    fresh = clock.now() - ALIVE
    return [
        ProcessStates(
            id=process["id"],
            kind=process["kind"],
            host=process["host"],
            pid=process["pid"],
            alive=process["seen_at"] >= fresh,
            statuses=tuple(_status(row) for row in rows if row["process_id"] == process["id"]),
        )
        for process in processes
    ]


async def overview(database: Database) -> list[PluginStatus]:
    """Return each plugin once, as the process that is worst off sees it.

    Only running processes count; while none runs, the one that ran last.
    """
    processes = await read_states(database)
    counted = [process for process in processes if process.alive] or processes[:1]
    by_name: dict[str, list[PluginStatus]] = {}
    for process in counted:
        for status in process.statuses:
            by_name.setdefault(status.name, []).append(status)
    return [worst(statuses) for statuses in by_name.values()]


async def request_resume(database: Database, name: str) -> None:
    """Ask every process to lift a plugin's quarantine; each sees it within two seconds."""
    async with database.transaction() as tx:
        await tx.execute(
            "INSERT INTO plugin_resumes (plugin, count) VALUES (?, 1)"
            " ON CONFLICT (plugin) DO UPDATE SET count = plugin_resumes.count + 1",
            name,
        )


async def resume(database: Database, data_dir: Path, name: str) -> bool:
    """Give a plugin another chance: lift its quarantine now, and try again at the next start if it crashed one.

    Returns:
        Whether it had taken a process down, so that only a restart brings it back.
    """
    await request_resume(database, name)
    return CrashMarkers(data_dir / FOLDER).forget(name)


async def record(database: Database, plugins: Plugins) -> None:
    """Remember the loaded plugins, so that they are told of events, and can be purged once their code is gone."""
    listening = set(plugins.dispatch.implementers("on_event"))
    async with database.transaction() as tx:
        for plugin in plugins.loaded:
            parts = plugin.contributions
            await tx.execute(
                "INSERT INTO plugin_records"
                " (plugin, distribution, version, table_prefix, tables, sealed, services, providers, listens,"
                " seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (plugin) DO UPDATE SET distribution = excluded.distribution,"
                " version = excluded.version, table_prefix = excluded.table_prefix, tables = excluded.tables,"
                " sealed = excluded.sealed, services = excluded.services, providers = excluded.providers,"
                " listens = excluded.listens, seen_at = excluded.seen_at",
                plugin.name,
                plugin.distribution,
                plugin.version,
                plugin.manifest.prefix_of_tables if parts.models else "",
                json.dumps(plugin.manifest.tables if parts.models else []),
                json.dumps(parts.sealed),
                json.dumps([connection.service for connection in parts.connections]),
                json.dumps([source.provider for source in parts.webhooks]),
                json.dumps(plugin.manifest.listens if plugin.name in listening else []),
                clock.now(),
            )


async def listeners(tx: Transaction) -> dict[str, tuple[str, ...]]:
    """Return the plugins that react to events in any process, and to which; an absent one for less than a day.

    The process that fans out need not have them: their rows wait for one that has.
    """
    rows = await tx.fetch(
        "SELECT plugin, listens FROM plugin_records WHERE listens <> '[]' AND seen_at > ? ORDER BY plugin",
        clock.now() - LISTENS,
    )
    return {row["plugin"]: tuple(json.loads(row["listens"])) for row in rows}


async def _resumes(database: Database) -> dict[str, int]:
    rows = await database.fetch("SELECT plugin, count FROM plugin_resumes")
    return {row["plugin"]: row["count"] for row in rows}


async def _forget_dead(tx: Transaction, before: int) -> None:
    dead = await tx.fetch(
        "SELECT id FROM processes WHERE seen_at < ? AND started_at < ? ORDER BY id", before, before
    )
    for row in dead:
        await tx.execute("DELETE FROM plugin_states WHERE process_id = ?", row["id"])
        await tx.execute("DELETE FROM processes WHERE id = ?", row["id"])


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            _log.exception("plugin status could not be shared")


def _status(row: Row) -> PluginStatus:
    state: Mapping[str, Any] = json.loads(row["state"])
    lists = {key: tuple(state[key]) for key in ("capabilities", "routes")}
    return PluginStatus(**{**state, **lists})
