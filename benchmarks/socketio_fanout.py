"""Socket.IO from one to 200 clients, against Node's Socket.IO 4 server with the same clients in Node."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from lib.node import missing
from lib.plugins import bench_plugin
from lib.process import LOAD_CORE, Program, run_pinned
from lib.report import Line, arguments, show
from lib.server import serving
from rallypoint.testing.server import free_port


def measure(url: str, token: str, pid: int, seconds: float) -> dict[str, Any]:
    """Run the clients once and return what they measured."""
    command = ["node", "node/socketio_client.mjs", url, token, str(pid), str(seconds)]
    return dict(json.loads(run_pinned(LOAD_CORE, command, seconds=2 * seconds + 60)))


def shape(frame: dict[str, Any]) -> tuple[object, ...]:
    """Return what must be alike in both servers' messages: names and sizes."""
    return tuple(frame), tuple(frame["payload"]), len(frame["payload"]["text"]), frame["id"]


def main() -> None:
    options = arguments(__doc__, seconds=4.0)
    reason = missing()
    if reason:
        print(f"\nSocket.IO fan-out: skipped, {reason}")
        return
    lines = {
        "cpu": Line("server CPU a message", "µs", bar=1.1, direction="at most"),
        "rate": Line("messages at saturation", "messages/s", bar=0.9),
        "p50": Line("latency at 20 messages/s, median", "ms"),
        "p99": Line("latency at 20 messages/s, p99", "ms", bar=1.5, direction="at most"),
    }
    with tempfile.TemporaryDirectory() as folder:
        env = bench_plugin(Path(folder) / "plugins")
        node = Program(["node", "node/socketio_server.mjs", "{port}"], free_port())
        with serving(Path(folder) / "data", env) as ours, node as reference:
            token = ours.register("owner@example.com")
            for _ in range(options.runs):
                theirs = measure(reference.url, "", reference.pid, options.seconds)
                mine = measure(ours.url, token, ours.pid, options.seconds)
                if shape(mine["frame"]) != shape(theirs["frame"]):
                    raise RuntimeError(f"the messages differ: {mine['frame']} and {theirs['frame']}")
                for name, line in lines.items():
                    line.add(mine[name], theirs[name])
    show("Socket.IO fan-out, 1 to 200", list(lines.values()))


if __name__ == "__main__":
    main()
