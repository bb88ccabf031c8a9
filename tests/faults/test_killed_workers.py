"""Workers killed and frozen in the middle of work: nothing is lost, nothing is swapped, repeats bear the same id."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web

from rallypoint.testing.cluster import WorkerProcess
from rallypoint.testing.server import ServerProcess
from support.columns import PostgreSQL, only_postgresql, variables
from support.delivery_house import Got, Receiver, eventually, open_receiver

pytestmark = [only_postgresql, pytest.mark.slow]
ROOMS, EACH, KILLS = 6, 30, 5


@dataclass
class Cluster:
    """A server that runs no jobs, and what its workers need."""

    server: ServerProcess
    env: dict[str, str]
    token: str
    receiver: Receiver
    folder: Path

    def worker(self, name: str) -> WorkerProcess:
        return WorkerProcess(self.folder / name, self.env)

    async def call(self, method: str, path: str, body: Any) -> Any:
        status, reply = await asyncio.to_thread(
            self.server.request, method, f"/api/v1/rooms{path}", body, token=self.token
        )
        assert status in {200, 201}, reply
        return reply["data"]

    async def room(self, hook: str) -> str:
        room = await self.call("POST", "", {"name": "0", "webhook_url": self.receiver.url(hook)})
        return str(room["id"])

    async def query(self, sql: str) -> list[Any]:
        connection = await asyncpg.connect(self.env["RALLYPOINT_DATABASE_URL"])
        try:
            rows: list[Any] = await connection.fetch(sql)
            return rows
        finally:
            await connection.close()

    async def at_rest(self) -> bool:
        """Tell whether no event, delivery or job waits, and none is stuck."""
        rows = await self.query(
            "SELECT 1 FROM webhook_lanes UNION ALL SELECT 1 FROM events WHERE fan_at > 0"
            " UNION ALL SELECT 1 FROM procrastinate_jobs"
        )
        return not rows


@pytest.fixture
def database_of_its_own(column: str, postgresql: PostgreSQL) -> dict[str, str]:
    return {
        **variables(postgresql.fresh()),
        "RALLYPOINT_RATE_LIMITS": "off",
        "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on",
        "RALLYPOINT_WEBHOOK_RETRY_BASE": "0.1",
    }


@pytest_asyncio.fixture
async def cluster(database_of_its_own: dict[str, str], tmp_path: Path) -> AsyncIterator[Cluster]:
    server = ServerProcess(tmp_path / "server", database_of_its_own)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(open_receiver())
        await asyncio.to_thread(server.start)
        stack.callback(server.stop)
        token = await asyncio.to_thread(server.register, "alice@example.com")
        yield Cluster(server, database_of_its_own, token, receiver, tmp_path)


def names(got: list[Got]) -> list[str]:
    """Return the rooms' names as first seen, by delivery id."""
    first = {one.id: one.json["data"]["room"]["name"] for one in reversed(got)}
    return [first[id_] for id_ in dict.fromkeys(one.id for one in got)]


async def test_every_event_arrives_in_order_through_kills_of_workers(cluster: Cluster) -> None:
    hooks = [f"/{number}" for number in range(ROOMS)]

    async def slowly(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.02)
        return web.Response(text="thanks")

    cluster.receiver.answers = dict.fromkeys(hooks, slowly)
    rooms = [await cluster.room(hook) for hook in hooks]

    async def rename(room: str) -> None:
        for number in range(1, EACH + 1):
            await cluster.call("PATCH", f"/{room}", {"name": str(number)})
            await asyncio.sleep(random.uniform(0, 0.3))

    with cluster.worker("a") as first, cluster.worker("b") as second:
        changes = asyncio.gather(*(rename(room) for room in rooms))
        begun: dict[WorkerProcess, int] = {}
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.2, 1.5))
            victim = random.choice([first, second])
            victim.kill()
            begun[victim] = victim.begin()
        await changes
        await eventually(cluster.at_rest, 50)
        for hook in hooks:
            got = cluster.receiver.on(hook)
            assert names(got) == [str(number) for number in range(EACH + 1)]
            assert len({(one.id, one.body) for one in got}) == EACH + 1
        for victim, begin in begun.items():  # the last one may be starting still
            await asyncio.to_thread(victim.wait_ready, begin)
        assert (await asyncio.to_thread(first.stop), await asyncio.to_thread(second.stop)) == (0, 0)


async def test_a_worker_frozen_past_its_lease_does_no_harm_and_works_on(cluster: Cluster) -> None:
    gate, asked = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        asked.set()
        await gate.wait()
        return web.Response(text="thanks")

    async def rename(room: str, *numbers: int) -> None:
        for number in numbers:
            await cluster.call("PATCH", f"/{room}", {"name": str(number)})

    async def workers() -> set[int]:
        return {row["id"] for row in await cluster.query("SELECT id FROM procrastinate_workers")}

    async def taken_for_dead() -> bool:
        return not before & await workers()

    cluster.receiver.answers["/hook"] = hang
    with cluster.worker("frozen") as frozen, cluster.worker("other") as other:
        other.kill()
        room = await cluster.room("/hook")
        await asyncio.wait_for(asked.wait(), 20)
        frozen.freeze()
        before = await workers()
        gate.set()
        other.begin()
        await rename(room, 1, 2, 3)
        await eventually(cluster.at_rest, 45)
        await eventually(taken_for_dead, 45)
        frozen.thaw()
        await asyncio.sleep(1)
        await rename(room, 4, 5)
        await eventually(cluster.at_rest)
        assert await asyncio.to_thread(other.stop) == 0
        await rename(room, 6, 7)
        await eventually(cluster.at_rest, 20)
    got = cluster.receiver.on("/hook")
    assert names(got) == [str(number) for number in range(8)]
    assert [got[0].id, got[0].body] == [got[1].id, got[1].body]
    rows = await cluster.query(
        "SELECT d.state, count(a.id) AS attempts FROM webhook_deliveries d"
        " JOIN webhook_attempts a ON a.delivery_id = d.id GROUP BY d.id"
    )
    assert {(row["state"], row["attempts"]) for row in rows} == {("delivered", 1)}
