"""The server's database, opened by a command; a server may be running on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from rallypoint.settings import Settings
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.migrate import SchemaNewer, applied, migrate


def exists(settings: Settings) -> bool:
    """Tell whether there is a database yet: one of SQLite's is made by the first start of a server."""
    database = Database(settings.database_url, settings.data_dir)
    return not database.is_sqlite or database.path.exists()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database with the core's tables in place.

    Raises:
        click.ClickException: A newer version of Rallypoint has worked on it.
    """
    database = Database(settings.database_url, settings.data_dir)
    if database.is_sqlite:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    await database.open({app.label: [app.models] for app in CORE_APPS})
    try:
        done = await applied(database)
        for app in CORE_APPS:
            await migrate(database, app, done)
        yield database
    except SchemaNewer as error:
        raise click.ClickException(str(error)) from error
    finally:
        await database.close()
