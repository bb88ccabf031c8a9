"""Socket.IO from one to 200 clients of two processes, against two of Node's with its Redis adapter."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from lib import node, scaled
from lib.plugins import bench_plugin
from lib.process import Program
from lib.report import arguments
from socketio_fanout import Server, fan_out

from rallypoint.testing.server import free_port

PROCESSES = 2


def our_servers(running: ExitStack, folder: Path, redis: str) -> Server:
    """Start two of ours on a database of their own."""
    env = bench_plugin(folder / "plugins")
    database = running.enter_context(scaled.own_database())
    cluster = running.enter_context(scaled.cluster(folder, database, redis, servers=PROCESSES, env=env))
    token = cluster.servers[0].register("owner@example.com")
    return (
        ",".join(server.url for server in cluster.servers),
        token,
        ",".join(str(server.pid) for server in cluster.servers),
    )


def node_servers(running: ExitStack, redis: str) -> Server:
    """Start two of Node's on the same Redis."""
    command = ["node", "node/socketio_server.mjs", "{port}", redis]
    programs = [running.enter_context(Program(command, free_port())) for _ in range(PROCESSES)]
    urls, pids = (program.url for program in programs), (str(program.pid) for program in programs)
    return ",".join(urls), "-", ",".join(pids)


def main() -> None:
    options = arguments(__doc__, runs=20, seconds=0.5)
    reason = node.missing() or scaled.missing(redis=True)
    if reason:
        print(f"\nFan-out of two processes: skipped, {reason}")
        return
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        redis = running.enter_context(scaled.own_redis(Path(name)))
        ours, reference = our_servers(running, Path(name), redis), node_servers(running, redis)
        fan_out("Socket.IO fan-out of two processes, 1 to 200", options, ours, reference)


if __name__ == "__main__":
    main()
