"""Socket.IO from one to 200 clients, against Node's Socket.IO 4 server with the same clients in Node."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from lib.node import missing
from lib.plugins import bench_plugin
from lib.process import LOAD_CORE, Program, run_pinned
from lib.report import Line, arguments, compare, show
from lib.server import serving

from rallypoint.testing.server import free_port

Server = tuple[str, str, str]
"""Address, token and process id."""


def measure(slices: int, seconds: float, *servers: Server) -> list[dict[str, Any]]:
    """Run the clients, in turns of ``seconds``, and return what they measured of each server."""
    flat = [part for server in servers for part in server]
    command = ["node", "node/socketio_client.mjs", str(slices), str(seconds), *flat]
    return list(json.loads(run_pinned(LOAD_CORE, command, seconds=4 * slices * seconds + 90)))


def shape(frame: dict[str, Any]) -> tuple[object, ...]:
    """Return what must be alike in both servers' messages: names and sizes."""
    return tuple(frame), tuple(frame["payload"]), len(frame["payload"]["text"]), frame["id"]


def fan_out(title: str, options: argparse.Namespace, ours: Server, reference: Server) -> None:
    """Measure two running servers in turns and print their table."""
    lines = {
        "cpu": Line("server CPU a message", "µs", bar=1.1, direction="at most"),
        "rate": Line("messages at saturation", "messages/s", bar=0.9),
        "core": Line("the same by CPU time of server or clients", "messages/s"),
        "p50": Line("latency at 20 messages/s, median", "ms"),
        "p99": Line("latency at 20 messages/s, p99", "ms", bar=1.5, direction="at most"),
    }
    mine, theirs = measure(options.runs, options.seconds, ours, reference)
    if shape(mine["frame"]) != shape(theirs["frame"]):
        raise RuntimeError(f"the messages differ: {mine['frame']} and {theirs['frame']}")
    saturated = {name: lines[name] for name in ("rate", "core", "cpu")}
    paced = {name: lines[name] for name in ("p50", "p99")}
    waits = compare(saturated, mine, theirs, "busy"), compare(paced, mine, theirs, "calm")
    show(title, list(lines.values()))
    print(f"\nTime that servers and clients waited for a core: at most {'; '.join(waits)}.")


def main() -> None:
    options = arguments(__doc__, runs=20, seconds=0.5)
    reason = missing()
    if reason:
        print(f"\nSocket.IO fan-out: skipped, {reason}")
        return
    with tempfile.TemporaryDirectory() as folder:
        env = bench_plugin(Path(folder) / "plugins")
        node = Program(["node", "node/socketio_server.mjs", "{port}"], free_port())
        with serving(Path(folder) / "data", env) as ours, node as reference:
            token = ours.register("owner@example.com")
            servers = (ours.url, token, str(ours.pid)), (reference.url, "-", str(reference.pid))
            fan_out("Socket.IO fan-out, 1 to 200", options, *servers)


if __name__ == "__main__":
    main()
