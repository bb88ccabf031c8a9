"""Webhook deliveries of 200 rooms, from rows pending to every attempt stored, against a bare aiohttp loop."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from lib.process import LOAD_CORE, SERVER_CORE, Program, python, run_pinned
from lib.report import Line, arguments, show

from rallypoint.testing.server import free_port

SECONDS = 120


def deliver(data_dir: Path, port: int, *options: str) -> dict[str, float]:
    """Run our engine once over fresh events and return its times."""
    command = python("-m", "lib.deliver", str(data_dir), str(port), *options)
    return dict(json.loads(run_pinned(SERVER_CORE, command, seconds=SECONDS)))


def bare(work: Path, port: int) -> dict[str, float]:
    """Run the bare loop once over the same work."""
    command = python("-m", "references.aiohttp_loop", str(work), str(port))
    return dict(json.loads(run_pinned(SERVER_CORE, command, seconds=SECONDS)))


def receiver() -> Program:
    """Return a receiver on the other core, not started yet."""
    return Program(python("-m", "lib.receiver", "{port}"), free_port(), core=LOAD_CORE)


def main() -> None:
    options = arguments(__doc__, runs=7, rooms=200, events=8_000)
    rate = Line("deliveries, every attempt stored", "1/s", bar=0.6)
    core = Line("the same by CPU time", "1/s")
    fanout = Line("fan-out from event to rows (reference: the deliveries)", "1/s")
    with tempfile.TemporaryDirectory() as folder, receiver() as target:
        work = Path(folder) / "work.json"
        sizes = (f"--rooms={options.rooms}", f"--events={options.events}", f"--work={work}")
        for _ in range(options.runs):
            ours = deliver(Path(folder) / "data", target.port, *sizes)
            reference = bare(work, target.port)
            sent = ours["events"] / ours["deliver"]
            rate.add(sent, reference["events"] / reference["deliver"])
            core.add(ours["events"] / ours["cpu"], reference["events"] / reference["cpu"])
            fanout.add(ours["events"] / ours["fanout"], sent)
    show(f"Webhook deliveries of {options.rooms} rooms", [rate, core, fanout])


if __name__ == "__main__":
    main()
