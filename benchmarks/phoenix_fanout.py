"""Phoenix Channels from one to 200 clients, against a bare ASGI application that sends the same frames."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from lib.plugins import bench_plugin
from lib.process import LOAD_CORE, Program, python, run_pinned
from lib.report import Line, arguments, compare, show
from lib.server import serving

from rallypoint.testing.server import free_port


def measure(slices: int, seconds: float, *servers: str) -> list[dict[str, Any]]:
    """Run the clients, in turns of ``seconds``, and return what they measured of each server."""
    command = python("-m", "lib.websocket_load", str(slices), str(seconds), *servers)
    return list(json.loads(run_pinned(LOAD_CORE, command, seconds=4 * slices * seconds + 90)))


def address(port: int, token: str) -> str:
    """Return where the clients connect."""
    return f"http://127.0.0.1:{port}/socket/websocket?token={token}&vsn=2.0.0"


def shape(frame: list[Any]) -> list[Any]:
    """Return a frame without the time in it, in which alone two may differ."""
    return [*frame[:4], {**frame[4], "sent": 0}]


def main() -> None:
    options = arguments(__doc__, runs=20, seconds=0.5)
    lines = {
        "rate": Line("messages at saturation", "messages/s", bar=0.95),
        "core": Line("the same by CPU time of server or clients", "messages/s"),
        "cpu": Line("server CPU a message", "µs"),
        "p50": Line("latency at 20 messages/s, median", "ms"),
        "p99": Line("latency at 20 messages/s, p99", "ms"),
    }
    with tempfile.TemporaryDirectory() as folder:
        env = bench_plugin(Path(folder) / "plugins")
        bare = Program(python("-m", "references.serve", "phoenix_asgi", "{port}"), free_port())
        with serving(Path(folder) / "data", env) as ours, bare as reference:
            token = ours.register("owner@example.com")
            servers = [
                address(ours.port, token),
                str(ours.pid),
                address(reference.port, ""),
                str(reference.pid),
            ]
            mine, theirs = measure(options.runs, options.seconds, *servers)
    if shape(mine["frame"]) != shape(theirs["frame"]):
        raise RuntimeError(f"the frames differ: {mine['frame']} and {theirs['frame']}")
    saturated = {name: lines[name] for name in ("rate", "core", "cpu")}
    paced = {name: lines[name] for name in ("p50", "p99")}
    waits = compare(saturated, mine, theirs, "busy"), compare(paced, mine, theirs, "calm")
    show("Phoenix fan-out, 1 to 200", list(lines.values()))
    print(f"\nTime that server and clients waited for a core: at most {'; '.join(waits)}.")


if __name__ == "__main__":
    main()
