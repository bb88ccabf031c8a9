"""What a delivery passes through, and a receiver at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from rallypoint.storage.database import Database
from support.delivery_house import House, Receiver, open_house, open_receiver


@pytest_asyncio.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened
