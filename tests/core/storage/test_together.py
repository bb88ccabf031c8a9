"""Many callers, one go: each gets its own result, and nobody's trouble is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from rallypoint.storage.database import Database
from rallypoint.storage.together import Together


class Doubling:
    """Doubles numbers, and remembers how many at a time."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        await asyncio.sleep(0)
        if 0 in numbers:
            raise ValueError("zero")
        return [2 * number for number in numbers]


async def test_callers_share_a_go_and_each_gets_its_own_result() -> None:
    work = Doubling()
    double = Together(work, 0.001)
    assert await asyncio.gather(*(double(number) for number in range(1, 6))) == [2, 4, 6, 8, 10]
    assert await double(6) == 12
    assert work.calls == [[1, 2, 3, 4, 5], [6]]


async def test_what_goes_wrong_all_callers_of_that_go_are_told_and_no_later_one() -> None:
    double = Together(Doubling(), 0.001)
    assert [type(one) for one in await asyncio.gather(double(1), double(0), return_exceptions=True)] == [
        ValueError,
        ValueError,
    ]
    assert await double(1) == 2


async def test_a_caller_that_is_cancelled_keeps_nobody_from_theirs() -> None:
    work = Doubling()
    double = Together(work, 0.001)
    given_up, other = asyncio.create_task(double(1)), asyncio.create_task(double(2))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await other == 4
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert work.calls == [[1, 2]]


async def test_it_is_done_in_a_transaction_of_its_own_whatever_its_callers_are_in(database: Database) -> None:
    sql = (
        "INSERT INTO stored_values (id, plugin, connection_id, key, value, updated_at)"
        " VALUES (?, 'a', '', ?, '1', 0)"
    )

    async def write(names: Sequence[str]) -> list[None]:
        async with database.transaction() as tx:
            await tx.execute_many(sql, [(name, name) for name in names])
        return [None] * len(names)

    put = Together(write, 0.001)
    with pytest.raises(RuntimeError, match="rolled back"):
        async with database.transaction():
            waiting = asyncio.create_task(put("kept"))
            await asyncio.sleep(0)
            raise RuntimeError("rolled back")
    await waiting
    assert [row["id"] for row in await database.fetch("SELECT id FROM stored_values")] == ["kept"]
