"""Removes what an absent plugin left behind: its tables, its tokens, and its rows in the core's tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from rallypoint.plugins.discovery import CORE
from rallypoint.storage.database import Database, Row, Transaction

# Tables of the core that hold rows of plugins, each with the column that says whose.
_BY_PLUGIN = (
    ("stored_values", "plugin"),
    ("event_reactions", "plugin"),
    ("scheduled_runs", "plugin"),
    ("plugin_states", "plugin"),
    ("plugin_resumes", "plugin"),
)
_BY_SERVICE = (("oauth_states", "service"), ("oauth_revocations", "service"), ("connections", "service"))
_OF_CONNECTIONS = ("connection_marks", "connection_log")
_BY_PROVIDER = ("webhook_receipts", "provider")


class PurgeRefused(Exception):
    """The plugin is unknown or must not be purged; the message says which."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What a plugin has in the database.

    Args:
        name: The plugin.
        distribution: Where it came from.
        version: Of that distribution when it ran last.
        tables: Its own.
        rows: How many it has in each of the core's tables, those without any left out.
    """

    name: str
    distribution: str
    version: str
    tables: tuple[str, ...]
    rows: dict[str, int]


async def remains(database: Database, names: Iterable[str] | None = None) -> list[Remains]:
    """Return what plugins have in the database.

    Args:
        database: Open and migrated.
        names: Which plugins; every recorded one when left out.
    """
    async with database.transaction() as tx:
        records = {
            row["plugin"]: row for row in await tx.fetch("SELECT * FROM plugin_records ORDER BY plugin")
        }
        wanted = records if names is None else [name for name in names if name in records]
        return [await _remains(tx, database, records[name]) for name in wanted]


async def parked(database: Database, present: Iterable[str]) -> list[Remains]:
    """Return what plugins that are not installed any more left: it waits for them, or for a purge."""
    gone = set(present)
    return [item for item in await remains(database) if item.name not in gone]


async def purge(database: Database, name: str) -> Remains:
    """Delete a plugin's tables, migrations, connections with their credentials, stored values and rows.

    Args:
        database: Open and migrated; no process may be running the plugin.
        name: The plugin; present or absent.

    Returns:
        What was deleted.

    Raises:
        PurgeRefused: It never ran here, or it is a part of the core.
    """
    async with database.transaction() as tx:
        record = await tx.fetch_one("SELECT * FROM plugin_records WHERE plugin = ?", name)
        if record is None:
            raise PurgeRefused(f"no plugin {name!r} has run on this database")
        if record["distribution"] == CORE:
            raise PurgeRefused(f"{name} is a part of the core")
        found = await _remains(tx, database, record)
        await _drop(tx, database, found.tables)
        await _forget_timelines(tx, json.loads(record["services"]))
        for table, column, values in _owned(record):
            for value in values:
                await tx.execute(f"DELETE FROM {table} WHERE {column} = ?", value)  # noqa: S608
        if found.tables:
            await tx.execute("DELETE FROM tortoise_migrations WHERE app = ?", name)
        await tx.execute("DELETE FROM plugin_records WHERE plugin = ?", name)
    return found


async def _forget_timelines(tx: Transaction, services: Iterable[str]) -> None:
    for service in services:
        for table in _OF_CONNECTIONS:
            await tx.execute(
                f"DELETE FROM {table} WHERE connection_id IN"  # noqa: S608
                " (SELECT id FROM connections WHERE service = ?)",
                service,
            )


async def _remains(tx: Transaction, database: Database, record: Row) -> Remains:
    rows: dict[str, int] = {}
    for table, column, values in _owned(record):
        for value in values:
            row = await tx.fetch_one(f"SELECT COUNT(*) AS n FROM {table} WHERE {column} = ?", value)  # noqa: S608
            rows[table] = rows.get(table, 0) + (row["n"] if row else 0)
    return Remains(
        name=record["plugin"],
        distribution=record["distribution"],
        version=record["version"],
        tables=await _tables(tx, database, record),
        rows={table: count for table, count in rows.items() if count},
    )


def _owned(record: Row) -> list[tuple[str, str, list[str]]]:
    by_plugin = [(table, column, [record["plugin"]]) for table, column in _BY_PLUGIN]
    services = json.loads(record["services"])
    return [
        *by_plugin,
        *((table, column, services) for table, column in _BY_SERVICE),
        (*_BY_PROVIDER, json.loads(record["providers"])),
    ]


async def _tables(tx: Transaction, database: Database, record: Row) -> tuple[str, ...]:
    """Return a plugin's named tables and those under its prefix, none of them another's."""
    prefix = record["table_prefix"]
    if not prefix:
        return ()
    others = await tx.fetch(
        "SELECT table_prefix, tables FROM plugin_records WHERE plugin <> ?", record["plugin"]
    )
    longer = tuple(row["table_prefix"] for row in others if row["table_prefix"].startswith(prefix))
    named, taken = (
        json.loads(record["tables"]),
        {name for row in others for name in json.loads(row["tables"])},
    )
    return tuple(
        name
        for name in await _all_tables(tx, database)
        if name in named or (name.startswith(prefix) and not name.startswith(longer) and name not in taken)
    )


async def _all_tables(tx: Transaction, database: Database) -> list[str]:
    source = (
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        if database.is_sqlite
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    )
    return [row["name"] for row in await tx.fetch(source)]


async def _drop(tx: Transaction, database: Database, tables: Iterable[str]) -> None:
    if database.is_sqlite:
        await tx.execute("PRAGMA defer_foreign_keys = ON")
    for table in tables:
        await tx.execute(f'DROP TABLE "{table}"' + ("" if database.is_sqlite else " CASCADE"))
