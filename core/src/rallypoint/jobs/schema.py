"""Procrastinate's own tables, made and brought up to date when a process starts.

Their version is kept as the comment of its main table: the name of the newest of Procrastinate's migrations
that they contain. Nothing of Procrastinate is imported, since a process that only wakes jobs needs none of it.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from rallypoint.storage.database import Database
from rallypoint.storage.migrate import migrating

_VERSION = (
    "SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class') AS version,"
    " to_regclass('procrastinate_jobs') IS NOT NULL AS made"
)


class EngineMissing(Exception):
    """Procrastinate is not installed."""


async def prepare(database: Database) -> None:
    """Make the tables, or apply the migrations they lack, under the lock of our own migrations.

    Raises:
        EngineMissing: Procrastinate is not installed.
    """
    names = sorted(path.name for path in (_folder() / "migrations").glob("*.sql"))
    row = await database.fetch_one(_VERSION)
    if row is not None and (row["version"] or "") >= names[-1]:
        return
    async with migrating(database):
        row = await database.fetch_one(_VERSION)
        made, version = row is not None and row["made"], (row and row["version"]) or ""
        await _run(database, _missing(names, version) if made else [_folder() / "schema.sql"], names[-1])


def _missing(names: list[str], version: str) -> list[Path]:
    """Return the migrations to apply; tables without a version are an operator's own, and current."""
    return [_folder() / "migrations" / name for name in names if version and name > version]


async def _run(database: Database, scripts: list[Path], version: str) -> None:
    """Run scripts together with the note of the version, all or nothing."""
    texts = [script.read_text(encoding="utf-8") for script in scripts]
    comment = f"COMMENT ON TABLE procrastinate_jobs IS '{version}';"
    await database.migrator.execute_script("\n".join([*texts, comment]))


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("procrastinate")
    if spec is None or spec.origin is None:
        raise EngineMissing("PostgreSQL needs the task engine: pip install 'rallypoint[scale]'")
    return Path(spec.origin).parent / "sql"
