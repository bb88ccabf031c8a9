"""Fixtures that every test of the core may use."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.migrate import applied, migrate


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An open database of its own with the core's tables."""
    apps = [app for app in CORE_APPS if importlib.util.find_spec(app.models)]
    opened = Database("", tmp_path)
    await opened.open({app.label: [app.models] for app in apps})
    try:
        for app in apps:
            await migrate(opened, app, await applied(opened))
        yield opened
    finally:
        await opened.close()
