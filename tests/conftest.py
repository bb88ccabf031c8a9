"""Fixtures that every test of the core may use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rallypoint.app import App, build
from rallypoint.settings import Settings
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from support import columns
from support.served import (
    alice,
    bob,
    column,
    database_url,
    new_caller,
    new_database,
    postgresql,
    server,
    server_env,
    servers,
    sqlite,
)

__all__ = [
    "alice",
    "bob",
    "column",
    "database_url",
    "new_caller",
    "new_database",
    "postgresql",
    "server",
    "server_env",
    "servers",
    "sqlite",
]


def pytest_report_header() -> str:
    return "; ".join(filter(None, [f"columns: {', '.join(columns.available())}", columns.missing()]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a PostgreSQL that is not here: ``test_columns`` says so once for all of it."""
    if columns.missing() and not columns.REQUIRED:
        left_out = [item for item in items if columns.needs_postgresql(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest_asyncio.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An open database of its own with the core's tables."""
    opened = Database(database_url, tmp_path)
    await opened.open({app.label: [app.models] for app in CORE_APPS})
    try:
        yield opened
    finally:
        await opened.close()


@pytest_asyncio.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncIterator[App]:
    """An open server without its socket: the domains alone, for tests that call services."""
    settings = Settings(
        data_dir=tmp_path,
        database_url=database_url,
        serve_jobs=True,
        secret_key="x" * 32,
        safe_mode=True,
        allow_private_targets=True,
        rate_limits=False,
    )
    built = build(settings)
    try:
        await built.opening.open()
        yield built
    finally:
        await built.opening.close()
