"""What an event passes through."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from rallypoint.storage.database import Database
from support.delivery_house import House, open_house


@pytest_asyncio.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened
