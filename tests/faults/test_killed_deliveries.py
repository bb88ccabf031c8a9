"""kill -9 in the middle of deliveries: nothing is lost, nothing is swapped, repeats bear the same id.

Workers on PostgreSQL are killed in ``test_killed_workers.py`` and ``test_cluster.py``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from rallypoint.storage.database import Database
from support.columns import only_sqlite
from support.delivery_house import House, Receiver, eventually, open_receiver

TARGETS, EACH = 10, 50
SCRIPT = Path(__file__).parent / "delivering.py"


async def begin(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), str(folder))


async def write_events(database: Database, receiver: Receiver) -> dict[str, list[str]]:
    """Write targets and events as a server does that is killed right after the commit; ids by path."""
    house = House(database)
    ids: dict[str, list[str]] = {}
    for number in range(TARGETS):
        await house.target(f"room:{number}", receiver.url(f"/{number}"))
        async with database.transaction() as tx:
            events = [await house.outbox.add(tx, house.draft(f"room:{number}")) for _ in range(EACH)]
        ids[f"/{number}"] = [event.id for event in events]
    return ids


@only_sqlite
@pytest.mark.slow
async def test_every_event_arrives_in_order_through_kills(database: Database, tmp_path: Path) -> None:
    async with open_receiver() as receiver:
        ids = await write_events(database, receiver)
        for heard in (60, 200, 350):
            process = await begin(tmp_path)
            await eventually(lambda heard=heard: len(receiver.got) >= heard, 30)
            process.kill()
            assert await process.wait() == -9
        last = await begin(tmp_path)
        assert await asyncio.wait_for(last.wait(), 60) == 0
        for path, expected in ids.items():
            got = receiver.on(path)
            first_sights = list(dict.fromkeys(one.id for one in got))
            assert first_sights == expected
            assert {one.id: one.json["n"] for one in got} == {
                id_: number for number, id_ in enumerate(expected, 1)
            }
    rows = await database.fetch("SELECT DISTINCT state FROM webhook_deliveries")
    assert [row["state"] for row in rows] == ["delivered"]
