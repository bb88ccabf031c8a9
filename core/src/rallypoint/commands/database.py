"""The server's database, opened by a command; a server may be running on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import click

from rallypoint.security.secrets import DataDirInUseError, lock_data_dir
from rallypoint.settings import Settings
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database, DatabaseAway
from rallypoint.storage.migrate import SchemaNewer, applied, migrate, migrating, names_on_disk


class NotReadyError(click.ClickException):
    """The tables are not those of this version, and a server is about to see to that."""


def exists(settings: Settings) -> bool:
    """Tell whether there is a database yet: one of SQLite's is made by the first start of a server."""
    database = Database(settings.database_url, settings.data_dir)
    return not database.is_sqlite or database.path.exists()


@asynccontextmanager
async def opened(settings: Settings, *, prepare: bool = True) -> AsyncIterator[Database]:
    """Open the database with the core's tables in place.

    Args:
        settings: Of the server.
        prepare: Bring the tables up to date when no server does.

    Raises:
        NotReadyError: They are not, and must be left to a server.
        click.ClickException: A newer version of Rallypoint has worked on them, or the database is away.
    """
    database = Database(settings.database_url, settings.data_dir)
    if database.is_sqlite:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        await database.open({app.label: [app.models] for app in CORE_APPS})
        done = await applied(database)
        if any(names_on_disk(app) != done.get(app.label, set()) for app in CORE_APPS):
            await _migrate(settings, database, prepare=prepare)
        yield database
    except DatabaseAway as error:
        raise click.ClickException(error.reason) from error
    finally:
        await database.close()


async def _migrate(settings: Settings, database: Database, *, prepare: bool) -> None:
    """Migrate under the lock of a server, so that none is starting meanwhile."""
    if not prepare:
        raise NotReadyError("the database waits for a server to bring it up to date")
    try:
        with lock_data_dir(settings.data_dir) if database.is_sqlite else nullcontext():
            async with migrating(database) as done:
                for app in CORE_APPS:
                    await migrate(database, app, done)
    except DataDirInUseError as error:
        raise NotReadyError("a server is about to bring the database up to date: try again") from error
    except SchemaNewer as error:
        raise click.ClickException(str(error)) from error
