"""Brings each app's tables up to date, one app at a time, so that a bad migration names its owner.

An app's migrations live in the package ``<models module's package>.migrations`` and are written by
``rallypoint makemigrations``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.recorder import MigrationRecorder

from rallypoint.storage.database import Database

_LOCK = 0x52616C6C79  # any number that others on the same PostgreSQL do not take: "Rally"
_log = structlog.stdlib.get_logger("rallypoint.storage")


@dataclass(frozen=True, slots=True)
class App:
    """The tables of one owner.

    Args:
        label: The owner's name; unique on the server.
        models: The module of its models; its package has a sub-package ``migrations``.
    """

    label: str
    models: str

    @property
    def migrations(self) -> str:
        """The package of its migrations."""
        return f"{self.models.rpartition('.')[0]}.migrations"


class SchemaNewer(Exception):
    """The database has migrations that this version of the code does not know."""


def names_on_disk(app: App) -> set[str]:
    """Return the names of an app's migrations without importing them."""
    spec = importlib.util.find_spec(app.migrations)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{app.label} has no package {app.migrations}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    return {path.stem for path in folder.glob("[0-9]*.py")}


@asynccontextmanager
async def migrating(database: Database) -> AsyncIterator[dict[str, set[str]]]:
    """Hold the right to migrate, alone among all processes, and tell what is applied already.

    SQLite needs no more than its lock on ``DATA_DIR``; PostgreSQL cannot run two ``CREATE TABLE`` of one name at
    once, even with ``IF NOT EXISTS``.
    """
    if database.is_sqlite:
        yield await applied(database)
        return
    client = database.migrator
    try:
        async with client.acquire_connection() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                _log.info("waiting for another process to migrate the database")
                await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            try:
                yield await applied(database)
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
    finally:
        await client.close()  # the connections are not needed again; the pool opens anew if they are


async def applied(database: Database) -> dict[str, set[str]]:
    """Return the names of the applied migrations by app label."""
    by_app: dict[str, set[str]] = {}
    for key in await MigrationRecorder(database.migrator).applied_migrations():
        by_app.setdefault(key.app_label, set()).add(key.name)
    return by_app


async def check_current(database: Database, apps: Iterable[App]) -> None:
    """Check on the reader that the tables of ``apps`` are as this version of the code knows them.

    Raises:
        SchemaNewer: Another version of the code has migrated them since, or not yet.
    """
    rows = await database.fetch("SELECT app, name FROM tortoise_migrations")
    done = {(row["app"], row["name"]) for row in rows}
    for app in apps:
        present = {name for label, name in done if label == app.label}
        if present != names_on_disk(app):
            raise SchemaNewer(f"the tables of {app.label} are of another version")


async def migrate(database: Database, app: App, done: Mapping[str, set[str]]) -> bool:
    """Apply what is missing of one app; a warm start imports and runs nothing.

    Args:
        database: Open, with the app's models bound.
        app: Whose tables.
        done: What :func:`migrating` yielded; hold it while this runs.

    Returns:
        Whether anything was applied.

    Raises:
        SchemaNewer: The database is ahead of the code.
        Exception: Whatever the migration raised; it was rolled back.
    """
    present, wanted = done.get(app.label, set()), names_on_disk(app)
    if unknown := present - wanted:
        raise SchemaNewer(f"the database has {', '.join(sorted(unknown))}, which this version does not know")
    if present == wanted:
        return False
    executor = MigrationExecutor(database.migrator, {app.label: config_of(app)})
    await executor.migrate([MigrationTarget(app.label, "__latest__")])
    return True


def config_of(app: App) -> dict[str, object]:
    """Return Tortoise's configuration of an app."""
    return {"models": [app.models], "default_connection": "default", "migrations": app.migrations}
