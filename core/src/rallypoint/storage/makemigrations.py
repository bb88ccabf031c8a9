"""Writes the migrations that changed models ask for: ``python -m rallypoint.storage.makemigrations LABEL=MODULE``."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.writer import MigrationWriter

from rallypoint.storage.database import Database
from rallypoint.storage.migrate import App, config_of


async def make_migrations(database: Database, apps: Sequence[App]) -> list[Path]:
    """Write what is missing and return the new files.

    Args:
        database: Open, with the models of all ``apps`` bound.
        apps: Whose migrations to write; each gets its package if it has none.
    """
    for app in apps:
        _make_package(app)
    return [writer.write() for writer in await missing_migrations(database, apps)]


async def missing_migrations(database: Database, apps: Sequence[App]) -> list[MigrationWriter]:
    """Return what would be written; empty when the migrations are as the models are."""
    missing: list[MigrationWriter] = []
    for app in apps:
        _leave_prose_out(database, app)
        missing += await MigrationAutodetector(database.apps, {app.label: config_of(app)}).changes()
    return missing


def _leave_prose_out(database: Database, app: App) -> None:
    """Keep docstrings out of the SQL: Tortoise makes comments of them and then splits statements at their ``;``."""
    for model in database.apps[app.label].values():
        model._meta.table_description = ""
        for field in model._meta.fields_map.values():
            field.description = None


def _make_package(app: App) -> None:
    package = sys.modules[app.models.rpartition(".")[0]]
    folder = Path(str(package.__file__)).parent / "migrations"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    importlib.invalidate_caches()


async def _main(arguments: Sequence[str]) -> None:
    apps = [App(*argument.split("=", 1)) for argument in arguments]
    with TemporaryDirectory() as folder:
        database = Database("", Path(folder))
        await database.open({app.label: [app.models] for app in apps})
        try:
            for path in await make_migrations(database, apps):
                sys.stdout.write(f"{path}\n")
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
