"""A PostgreSQL database of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio

from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.migrate import migrate, migrating

SERVER = "postgres://postgres@127.0.0.1:5432"


@pytest_asyncio.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Database]:
    """An open database with the core's tables."""
    name = f"rp_jobs_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(f"{SERVER}/postgres")
    await admin.execute(f"CREATE DATABASE {name}")
    opened = Database(f"{SERVER}/{name}", tmp_path)
    try:
        await opened.open({app.label: [app.models] for app in CORE_APPS})
        async with migrating(opened) as done:
            for app in CORE_APPS:
                await migrate(opened, app, done)
        yield opened
    finally:
        await opened.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
