"""Migrations: applied once, owner by owner, and a database ahead of the code is named."""

from __future__ import annotations

import sys

import pytest

from rallypoint.storage.database import Database
from rallypoint.storage.makemigrations import make_migrations
from rallypoint.storage.migrate import App, SchemaNewer, applied, check_current, migrate

MODELS = """
from tortoise import fields
from tortoise.models import Model

class Thing(Model):
    '''Prose with a `tick`; and a semicolon.'''
    id = fields.IntField(primary_key=True)
    name = fields.CharField(20, description="of it; really")

    class Meta:
        table = "acme_things"
"""


@pytest.fixture
def acme(tmp_path, monkeypatch):
    package = tmp_path / "acme_for_migrations"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)
    yield App("acme", "acme_for_migrations.models")
    for name in [name for name in sys.modules if name.startswith("acme_for_migrations")]:
        del sys.modules[name]


async def test_written_applied_once_and_then_left_alone(tmp_path, acme):
    database = Database("", tmp_path / "data")
    await database.open({"acme": [acme.models]})
    try:
        (path,) = await make_migrations(database, [acme])
        assert path.name == "0001_initial.py"
        assert await make_migrations(database, [acme]) == []
        assert await migrate(database, acme, await applied(database)) is True
        assert await migrate(database, acme, await applied(database)) is False
        assert await database.fetch("SELECT id, name FROM acme_things") == []
        await check_current(database, [acme])
        path.rename(path.with_name("0002_other.py"))
        with pytest.raises(SchemaNewer, match="0001_initial"):
            await migrate(database, acme, await applied(database))
        with pytest.raises(SchemaNewer, match="another version"):
            await check_current(database, [acme])
    finally:
        await database.close()


async def test_an_app_without_migrations_says_so(database):
    with pytest.raises(ModuleNotFoundError):
        await migrate(database, App("json", "json.decoder"), {})
