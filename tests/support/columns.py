"""The two columns that tests run on: SQLite always, PostgreSQL when one answers.

PostgreSQL is taken from ``RALLYPOINT_TEST_DATABASE_URL``, else from the default local port. A run makes a database
of its own, copies it for servers, and drops everything at its end.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from rallypoint.jobs.schema import prepare
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.ids import new_id
from rallypoint.storage.migrate import App, migrate, migrating

T = TypeVar("T")
DOMAINS = ("rooms", "customers", "booking", "mailer")
APPS = (*CORE_APPS, *(App(name, f"rallypoint.domains.{name}.models") for name in DOMAINS))
SECRET_KEY = "of a server on PostgreSQL, in a test"
POOL = {"RALLYPOINT_DATABASE_POOL": "6"}
"""Few connections for a test's server: several processes of tests share a PostgreSQL that takes a hundred."""
REQUIRED = os.environ.get("CI") == "true"
_LOCAL = "postgres://postgres@127.0.0.1:5432/postgres"

# Tables that refer to others come first; those without the mark were made by a test's plugins.
_MARK = "COMMENT ON TABLE {} IS 'kept between tests'"
_TABLES = """
    SELECT relname AS name, obj_description(c.oid, 'pg_class') IS NOT NULL AS ours FROM pg_class c
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'tortoise_migrations'
    ORDER BY NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = c.oid AND contype = 'f')
"""

only_sqlite = pytest.mark.parametrize("column", ["sqlite"], indirect=True)
"""Marks a test of what SQLite alone does."""
only_postgresql = pytest.mark.parametrize("column", ["postgresql"], indirect=True)
"""Marks a test of what PostgreSQL alone does; it skips where there is none."""


@cache
def missing() -> str:
    """Return why PostgreSQL is left out; empty when it is not."""
    url = admin_url()
    try:
        run(_answer(url))
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        where = urlsplit(url)
        return f"no PostgreSQL at {where.hostname}:{where.port or 5432} for the scaled-out column ({error})"
    return ""


def variables(url: str) -> dict[str, str]:
    """Return the variables of a test's server or worker on a PostgreSQL database."""
    return {"RALLYPOINT_DATABASE_URL": url, "RALLYPOINT_SECRET_KEY": SECRET_KEY, **POOL}


def require_postgresql() -> None:
    """Skip the test where there is no PostgreSQL; fail it where there must be one."""
    if reason := missing():
        (pytest.fail if REQUIRED else pytest.skip)(reason)


def needs_postgresql(item: pytest.Item) -> bool:
    """Tell whether a test was marked or written for PostgreSQL alone."""
    parameters = (
        item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    )
    return parameters.get("column") == "postgresql" or "postgresql" in getattr(item, "fixturenames", ())


def available() -> list[str]:
    """Return the columns that can be tested here."""
    return ["sqlite"] if missing() else ["sqlite", "postgresql"]


def admin_url() -> str:
    """Return where databases are made."""
    return os.environ.get("RALLYPOINT_TEST_DATABASE_URL") or _LOCAL


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine beside whatever loop a test has."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class SQLite:
    """A file with all tables and no rows, made once and copied: ten times as quick as migrating anew.

    Args:
        folder: Where it is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"

    def fresh(self, data_dir: Path) -> str:
        """Copy it to where the embedded default lies in a ``DATA_DIR``, and return its URL."""
        if not self._template.exists():
            run(_migrate(f"sqlite://{self._template}"))
        data_dir.mkdir(parents=True, exist_ok=True)
        return f"sqlite://{shutil.copy(self._template, data_dir / 'rallypoint.db')}"


class PostgreSQL:
    """The databases of one run; the first is empty but for the tables, the others are copies of it."""

    def __init__(self) -> None:
        self._prefix = f"rallypoint_test_{new_id().replace('-', '')}"
        self._made: list[str] = []
        self._shared = ""

    @property
    def template(self) -> str:
        """The URL of a database with all tables, to be copied: nobody may be connected to it then."""
        if not self._made:
            # A collation in which "~" is no longer the last character, as many servers have it.
            self._create("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
            run(_migrate(self._url(self._made[0])))
        return self._url(self._made[0])

    def empty(self) -> str:
        """Return the URL of a new database without any table."""
        assert self.template
        return self._create("TEMPLATE template0")

    def fresh(self) -> str:
        """Return the URL of a new database with all tables."""
        assert self.template
        return self._create(f"TEMPLATE {self._made[0]}")

    def shared(self) -> str:
        """Return the URL of the one database that tests use in turn, emptied: twenty times as quick as a new one."""
        if not self._shared:
            self._shared = self.fresh()
        run(_clear(self._shared))
        return self._shared

    def drop(self) -> None:
        """Drop everything that was made."""
        run(_execute(admin_url(), *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self._made)))

    def _create(self, how: str) -> str:
        name = f"{self._prefix}_{len(self._made)}"
        run(_execute(admin_url(), f"CREATE DATABASE {name} {how}"))
        self._made.append(name)
        return self._url(name)

    @staticmethod
    def _url(name: str) -> str:
        return urlsplit(admin_url())._replace(path=f"/{name}").geturl()


async def _answer(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=2)
    await connection.close()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(url: str) -> None:
    database = Database(url, Path())
    await database.open({app.label: [app.models] for app in APPS})
    try:
        async with migrating(database) as done:
            for app in APPS:
                await migrate(database, app, done)
        if not database.is_sqlite:
            await prepare(database)
            await _mark(database)
    finally:
        await database.close()


async def _mark(database: Database) -> None:
    for row in await database.fetch(_TABLES):
        if not row["ours"]:
            await database.migrator.execute_script(_MARK.format(row["name"]))


async def _clear(url: str) -> None:
    """Delete rows and set counters back; ``TRUNCATE`` would take a tenth of a second for so many empty tables."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for row in await connection.fetch(_TABLES):
            name = f'"{row["name"]}"'
            await connection.execute(f"DELETE FROM {name}" if row["ours"] else f"DROP TABLE {name} CASCADE")
        await connection.execute(
            "DELETE FROM tortoise_migrations WHERE app <> ALL($1)", [app.label for app in APPS]
        )
        await connection.execute(
            "SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value > 0"
            " AND sequencename <> 'tortoise_migrations_id_seq'"
        )
    finally:
        await connection.close()
