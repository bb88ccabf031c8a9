"""A running server with every transport."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from support.socket_house import House, open_house


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        opened.gate.issue("alice")
        opened.gate.issue("bob")
        yield opened
