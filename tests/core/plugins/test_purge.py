from __future__ import annotations

from pathlib import Path

import pytest

from rallypoint.plugins.discovery import discover
from rallypoint.plugins.purge import PurgeRefused, parked, purge, remains
from rallypoint.plugins.shared import record, request_resume
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.store import Store
from rallypoint.testing.install import install_plugin

MODELS = """
from tortoise import fields
from tortoise.models import Model

class Thing(Model):
    id = fields.IntField(primary_key=True)

    class Meta:
        table = "acme_things"
"""
ACME = """
from rallypoint.sdk import ApiKeyConnection, hookimpl

@hookimpl
def register_models():
    return "rallypoint_acme.models"

@hookimpl
def register_connections(ctx):
    async def identify(connection):
        return "me"
    return [ApiKeyConnection("acme", "Acme", "https://example.com", lambda key: {}, identify)]
"""


@pytest.fixture
async def installed(site: Path, load_plugins, database: Database) -> Database:
    """A database in which acme, and a neighbour whose name begins the same, have run."""
    install_plugin(site, "acme", ACME, files={"models.py": MODELS})
    install_plugin(site, "other")
    await record(database, load_plugins())
    async with database.transaction() as tx:
        await tx.execute("CREATE TABLE acme_things (id INTEGER PRIMARY KEY)")
        await tx.execute(
            "CREATE TABLE acme_parts (id INTEGER, thing INTEGER NOT NULL REFERENCES acme_things)"
        )
        await tx.execute("INSERT INTO acme_things VALUES (1)")
        await tx.execute("INSERT INTO acme_parts VALUES (1, 1)")
        await tx.execute("CREATE TABLE acme_extra_things (id INTEGER PRIMARY KEY)")
        await tx.execute(
            "INSERT INTO plugin_records"
            " (plugin, distribution, version, table_prefix, services, providers, listens, seen_at)"
            " VALUES ('acme_extra', 'x', '1', 'acme_extra_', '[]', '[]', '[]', 0)"
        )
        for service in ("acme", "others"):
            await tx.execute(
                "INSERT INTO connections (id, account_id, user_id, mode, service, state, label, reason,"
                " credential, version, seq, created_at, updated_at)"
                " VALUES (?, 'a', 'u', 'live', ?, 'connected', '', '', 'sealed', 1, 0, ?, ?)",
                service,
                service,
                clock.now(),
                clock.now(),
            )
    await Store(database, "acme").set("cursor", 1)
    await Store(database, "other").set("cursor", 2)
    await request_resume(database, "acme")
    return database


async def count(database: Database, table: str) -> int:
    row = await database.fetch_one(f"SELECT COUNT(*) AS n FROM {table}")
    assert row is not None
    return int(row["n"])


async def test_what_a_plugin_left_is_shown_while_it_is_absent(installed: Database) -> None:
    core = [item.name for item in discover() if item.is_core]
    waiting = {item.name: item for item in await parked(installed, present=[*core, "other"])}
    assert waiting.keys() == {"acme", "acme_extra"}
    assert waiting["acme"].tables == ("acme_parts", "acme_things")
    assert waiting["acme"].rows == {"stored_values": 1, "plugin_resumes": 1, "connections": 1}
    assert [item.name for item in await remains(installed, ["acme", "unknown"])] == ["acme"]


async def test_purging_takes_what_is_the_plugins_and_nothing_else(installed: Database) -> None:
    gone = await purge(installed, "acme")
    assert gone.tables == ("acme_parts", "acme_things")
    source = "sqlite_master" if installed.is_sqlite else "(SELECT tablename AS name FROM pg_tables) AS tables"
    tables = {row["name"] for row in await installed.fetch(f"SELECT name FROM {source}")}
    assert not {"acme_parts", "acme_things"} & tables
    assert "acme_extra_things" in tables
    assert await Store(installed, "acme").get("cursor") is None
    assert await Store(installed, "other").get("cursor") == 2
    assert await count(installed, "connections") == 1
    assert await remains(installed, ["acme"]) == []
    with pytest.raises(PurgeRefused, match="no plugin 'acme' has run"):
        await purge(installed, "acme")


async def test_migrations_of_a_purged_plugin_run_again(installed: Database) -> None:
    async with installed.transaction() as tx:
        await tx.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('acme', '0001_initial', '2026-01-01')"
        )
    await purge(installed, "acme")
    rows = await installed.fetch("SELECT app FROM tortoise_migrations WHERE app = 'acme'")
    assert list(rows) == []
    assert await count(installed, "tortoise_migrations") > 0


async def test_the_core_is_not_purged(installed: Database) -> None:
    with pytest.raises(PurgeRefused, match="rooms is a part of the core"):
        await purge(installed, "rooms")
    assert (await purge(installed, "other")).tables == ()


NAMING = """
from rallypoint.sdk import hookimpl

@hookimpl
def register_models():
    return "rallypoint_{name}.models"
"""
NAMED = """
name = "acme"
title = "Acme"
tables = ["appliances"]
"""


async def test_a_named_table_goes_with_its_plugin_and_with_no_other(
    site: Path, load_plugins, database: Database
) -> None:
    for name, manifest in (("acme", NAMED), ("app", 'name = "app"\ntitle = "App"\ntable_prefix = "appl"')):
        models = MODELS.replace("acme_things", "appliances" if name == "acme" else "appl_things")
        code = NAMING.format(name=name)
        install_plugin(site, name, code, manifest=manifest, files={"models.py": models})
        await record(database, load_plugins(disabled_plugins=({"acme": "app", "app": "acme"}[name],)))
    async with database.transaction() as tx:
        for table in ("appliances", "appl_things", "appliances_of_nobody"):
            await tx.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY)")
    found = {item.name: item.tables for item in await remains(database, ["acme", "app"])}
    assert found == {"acme": ("appliances",), "app": ("appl_things", "appliances_of_nobody")}
    assert (await purge(database, "app")).tables == ("appl_things", "appliances_of_nobody")
    assert await count(database, "appliances") == 0
    assert (await purge(database, "acme")).tables == ("appliances",)
