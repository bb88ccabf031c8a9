"""How long a list and a join take while 10,000 deliveries drain, against the same server when it is idle.

Both figures are of one client at one rate, with the receiver running in both. A drain lasts two to six seconds, so
the 99th percentile of a run is that of some 200 to 600 requests of each kind: its second to sixth worst; the table
shows the median of the runs. On PostgreSQL server and worker share a core, so the worker runs with ``--nice 10``,
as the operators' documentation says for one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvloop
from deliveries import receiver
from lib import scaled
from lib.latency import Connection, Pace, percentile
from lib.pending import Pending, pending
from lib.process import LOAD_CORE, pinned
from lib.report import Line, arguments, limit, show
from lib.server import serving

from rallypoint.testing.server import ServerProcess

ROOMS = 100
RATE = 200.0
TIMES_IDLE, LIMIT_MS = 5, 50
SECONDS = 120
KINDS = ("list", "join")
PERCENTILES = tuple[float, ...]
"""p99 of each kind, in ms."""


def requests(server: ServerProcess) -> list[list[bytes]]:
    """Make rooms, and return the requests of each kind; joins and leaves of one room are far apart."""
    token = server.register("owner@example.com")
    rooms = []
    for number in range(ROOMS):
        body = {"name": f"Morning focus {number}", "tags": ["morning"], "max_participants": 10}
        status, reply = server.request("POST", "/api/v1/rooms", body, token=token)
        if status != 201:
            raise RuntimeError(f"creating a room answered {status}: {reply}")
        rooms.append(reply["data"]["id"])
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    stays = [f"POST /api/v1/rooms/{room}/{step}" for step in ("join", "leave") for room in rooms]
    return [
        [f"GET /api/v1/rooms?limit=20 HTTP/1.1\r\n{head}\r\n".encode()],
        [
            f"{line} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode()
            for line in stays
        ],
    ]


class Subject:
    """A server that is asked while deliveries go to a receiver.

    Args:
        pace: Asks it.
        deliveries: In its database.
        port: Of the receiver.
        options: Sizes.
    """

    def __init__(self, pace: Pace, deliveries: Pending, port: int, options: argparse.Namespace) -> None:
        self._pace, self._deliveries, self._port, self._options = pace, deliveries, port, options

    async def idle(self) -> PERCENTILES:
        """Return the latency with nothing else to do."""
        await self._pace.run(asyncio.create_task(asyncio.sleep(self._options.seconds)))
        return self._p99(0.0, float("inf"))

    async def draining(self) -> PERCENTILES:
        """Return the latency between the first delivery and the last stored attempt."""
        await self._deliveries.hold(self._options.targets, self._port, self._options.events)
        draining = asyncio.create_task(self._drain())
        await self._pace.run(draining)
        return self._p99(*draining.result())

    async def _drain(self) -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        before = await connection.ask(b"GET / HTTP/1.1\r\n\r\n")
        await self._deliveries.release()
        async with asyncio.timeout(SECONDS):
            while await connection.ask(b"GET / HTTP/1.1\r\n\r\n") == before:
                await asyncio.sleep(0.01)
        connection.close()
        begun = time.perf_counter()
        await self._deliveries.gone(SECONDS)
        return begun, time.perf_counter()

    def _p99(self, begun: float, ended: float) -> PERCENTILES:
        return tuple(
            percentile([ms for due, ms in taken if due + ms / 1000 >= begun and due <= ended], 0.99)
            for taken in self._pace.taken
        )


async def measure(
    server: ServerProcess, data_dir: Path, database: str, port: int, options: argparse.Namespace
) -> list[tuple[PERCENTILES, PERCENTILES]]:
    """Return the latencies while draining and when idle, of each run."""
    measured = []
    pace = Pace(server.port, requests(server), RATE)
    async with pending(data_dir, database) as deliveries:
        subject = Subject(pace, deliveries, port, options)
        await subject.idle()  # warm
        for _ in range(options.runs):
            idle = await subject.idle()
            measured.append((await subject.draining(), idle))
    return measured


def table(title: str, measured: Sequence[tuple[PERCENTILES, PERCENTILES]]) -> None:
    """Print what was measured on one column."""
    lines = []
    for index, kind in enumerate(KINDS):
        busy = [draining[index] for draining, _ in measured]
        line = Line(f"p99 of a {kind} while draining (reference: idle)", "ms", TIMES_IDLE, "at most")
        for ours, (_, idle) in zip(busy, measured, strict=True):
            line.add(ours, idle[index])
        lines += [line, limit(f"p99 of a {kind} while draining (reference: the limit)", "ms", LIMIT_MS, busy)]
    show(title, lines)


@contextmanager
def postgresql(folder: Path) -> Iterator[tuple[ServerProcess, str]]:
    """Run a server and a worker, and yield the server and its database."""
    with (
        scaled.own_database() as database,
        scaled.cluster(folder, database, servers=1, workers=1, worker_options=("--nice", "10")) as cluster,
    ):
        yield cluster.servers[0], database


def main() -> None:
    options = arguments(__doc__, runs=5, seconds=3.0, targets=200, events=10_000)
    title = f"Requests while {options.events:,} deliveries drain"
    with tempfile.TemporaryDirectory() as name, receiver() as target:
        folder = Path(name) / "sqlite"
        with serving(folder) as server, pinned(LOAD_CORE):
            measured = uvloop.run(measure(server, folder, "", target.port, options))
        table(f"{title}, SQLite", measured)
        if reason := scaled.missing(redis=False):
            print(f"\n{title}, PostgreSQL: skipped, {reason}")
            return
        with postgresql(Path(name)) as (server, database), pinned(LOAD_CORE):
            measured = uvloop.run(measure(server, Path(name), database, target.port, options))
        table(f"{title}, PostgreSQL with one server and one worker", measured)


if __name__ == "__main__":
    main()
