"""Brings each app's tables up to date, one app at a time, so that a bad migration names its owner.

An app's migrations live in the package ``<models module's package>.migrations`` and are written by
``rallypoint makemigrations``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.recorder import MigrationRecorder

from rallypoint.storage.database import Database


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


async def applied(database: Database) -> dict[str, set[str]]:
    """Return the names of the applied migrations by app label."""
    by_app: dict[str, set[str]] = {}
    for key in await MigrationRecorder(database.writer).applied_migrations():
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
        done: The reply of :func:`applied`.

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
    executor = MigrationExecutor(database.writer, {app.label: config_of(app)})
    await executor.migrate([MigrationTarget(app.label, "__latest__")])
    return True


def config_of(app: App) -> dict[str, object]:
    """Return Tortoise's configuration of an app."""
    return {"models": [app.models], "default_connection": "default", "migrations": app.migrations}
