"""A drain that loses its lease, one that is stopped, and what ``Retry-After`` may say."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.webhooks.sender import parse_retry_after
from support.delivery_house import House, Receiver, eventually, open_house


def slow(receiver: Receiver, seconds: float) -> None:
    async def answer(_request: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.Response()

    receiver.answers["/hook"] = answer


async def test_a_holder_that_was_overtaken_writes_nothing(house: House, receiver: Receiver) -> None:
    slow(receiver, 0.2)
    await house.target("room:1", receiver.url("/hook"))
    event = await house.happen("room:1")
    await eventually(lambda: len(receiver.got) == 1)
    async with house.database.transaction() as tx:
        await tx.execute(
            "UPDATE leases SET owner = 'other', fence = fence + 1, expires_at = ? WHERE name LIKE 'webhooks.drain/%'",
            clock.now() + 2000,
        )
    await asyncio.sleep(0.4)
    assert await house.states() == ["pending"]
    assert await house.database.fetch("SELECT * FROM webhook_attempts") == []
    await eventually(lambda: house.states_are("delivered"))
    assert [got.id for got in receiver.got] == [event.id, event.id]


async def test_stopping_lets_what_is_in_flight_finish(database: Database, receiver: Receiver) -> None:
    slow(receiver, 0.2)
    async with open_house(database) as house:
        house.grace = 5.0
        await house.target("room:1", receiver.url("/hook"))
        await house.happen("room:1")
        await house.happen("room:1")
        await eventually(lambda: len(receiver.got) == 1)
    assert await house.states() == ["delivered", "pending"]
    async with open_house(database) as house:
        await eventually(lambda: house.states_are("delivered", "delivered"))
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, 10_000) == seconds
