"""From a REST request of one process to a Socket.IO client of another, 50 times a second."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from lib import node, scaled
from lib.process import LOAD_CORE, run_pinned
from lib.report import Line, arguments, limit, show

from rallypoint.testing.cluster import Cluster

LIMIT_MS = 30


def room_of(cluster: Cluster, token: str) -> str:
    """Make the room that events tell of and return its id."""
    status, reply = cluster.servers[0].request("POST", "/api/v1/rooms", {"name": "Room"}, token=token)
    if status != 201:
        raise RuntimeError(f"creating a room answered {status}: {reply}")
    return str(reply["data"]["id"])


def measure(cluster: Cluster, runs: int, seconds: float) -> list[dict[str, dict[str, float]]]:
    """Rename a room through the first server, and return when clients of both heard of it."""
    token = cluster.servers[0].register("owner@example.com")
    urls = [server.url for server in cluster.servers]
    options = [str(runs), str(seconds), token, room_of(cluster, token), *urls]
    output = run_pinned(
        LOAD_CORE, ["node", "node/event_to_socket.mjs", *options], seconds=runs * (seconds + 15) + 60
    )
    return list(json.loads(output))


def main() -> None:
    options = arguments(__doc__, runs=7, seconds=5.0)
    reason = node.missing() or scaled.missing(redis=True)
    if reason:
        print(f"\nEvent to socket across processes: skipped, {reason}")
        return
    with (
        tempfile.TemporaryDirectory() as name,
        scaled.own_redis(Path(name)) as redis,
        scaled.own_database() as database,
        scaled.cluster(Path(name), database, redis, servers=2, workers=1) as cluster,
    ):
        measured = measure(cluster, options.runs, options.seconds)
    lines = [limit("p99 (reference: the limit)", "ms", LIMIT_MS, [run["other"]["p99"] for run in measured])]
    for part in ("p50", "p99"):
        line = Line(f"{part} (reference: a client of the same process)", "ms")
        for run in measured:
            line.add(run["other"][part], run["same"][part])
        lines.append(line)
    show("From a request to one process to a socket of another, 50 events/s", lines)


if __name__ == "__main__":
    main()
