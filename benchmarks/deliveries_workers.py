"""Webhook deliveries of 200 rooms on PostgreSQL by one worker and by two, against a bare aiohttp loop."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from deliveries import bare, receiver
from lib import scaled
from lib.pending import pending
from lib.process import LOAD_CORE, SERVER_CORE, cpu_seconds
from lib.report import Line, arguments, show

CORES = (SERVER_CORE, LOAD_CORE)
SECONDS = 120


@dataclass
class Setting:
    """Where a run takes place.

    Args:
        options: Sizes.
        folder: For the workers and for what is to be sent.
        database: Of the workers.
        port: Of the receiver.
    """

    options: argparse.Namespace
    folder: Path
    database: str
    port: int

    @property
    def work(self) -> Path:
        """Holds what is to be sent, for the reference."""
        return self.folder / "work.json"

    def deliver(self, workers: int) -> dict[str, float]:
        """Let workers, each on a core of its own as far as there are two, deliver everything once."""
        with ExitStack() as running:
            pids = []
            for core in CORES[:workers]:
                folder = self.folder / f"core-{core}"
                started = scaled.cluster(folder, self.database, workers=1, core=core)
                pids += [worker.pid for worker in running.enter_context(started).workers]
            return uvloop.run(self._deliver(pids))

    async def _deliver(self, pids: list[int]) -> dict[str, float]:
        count = self.options.events
        async with pending(self.folder, self.database) as deliveries:
            work = await deliveries.hold(self.options.rooms, self.port, count)
            self.work.write_text(json.dumps(work))
            before, used = await deliveries.stored(), sum(map(cpu_seconds, pids))
            begun = time.perf_counter()
            await deliveries.release()
            await deliveries.gone(SECONDS)
            taken, used = time.perf_counter() - begun, sum(map(cpu_seconds, pids)) - used
            attempts = await deliveries.stored() - before
        if attempts != count:
            raise RuntimeError(f"{count} deliveries made {attempts} attempts")
        return {"rate": count / taken, "core": count / used}


def main() -> None:
    options = arguments(__doc__, runs=5, rooms=200, events=8_000)
    reason = scaled.missing(redis=False)
    if reason:
        print(f"\nDeliveries by workers: skipped, {reason}")
        return
    one = Line("one worker, every attempt stored", "1/s", bar=0.4)
    two = Line("two workers, every attempt stored", "1/s")
    core = Line("one worker, by its CPU time", "1/s")
    with tempfile.TemporaryDirectory() as name, scaled.own_database() as database, receiver() as target:
        setting = Setting(options, Path(name), database, target.port)
        for _ in range(options.runs):
            alone, together = setting.deliver(1), setting.deliver(2)
            reference = bare(setting.work, target.port)
            rate = reference["events"] / reference["deliver"]
            one.add(alone["rate"], rate)
            two.add(together["rate"], rate)
            core.add(alone["core"], reference["events"] / reference["cpu"])
    show(f"Webhook deliveries of {options.rooms} rooms on PostgreSQL", [one, two, core])


if __name__ == "__main__":
    main()
