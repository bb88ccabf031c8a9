"""First sync of a calendar of 10,000 events against reading, parsing and inserting bare rows; a look without news.

The Google plugin reads from a server that answers in Google's shape. The reference reads and parses the same pages
with the same plugin and inserts id, start and end of each event, nothing else. Shown without a bar: the same against
a loop of aiohttp and orjson that knows no other field, and two-way, where each event becomes an appointment.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lib import scaled
from lib.process import LOAD_CORE, SERVER_CORE, Program, python, run_pinned
from lib.report import Line, arguments, limit, show

from rallypoint.testing.server import free_port

SECONDS = 300
TIMES, MORE_MB = 4, 8
REQUESTS, STATEMENTS = 1, 3
Figures = dict[str, float]


def sync(port: int, events: int, folder: Path, database: str, *options: str) -> Figures:
    """Sync a calendar for the first time, in a process of its own."""
    where = (f"--database={database}",) if database else ()
    command = python("-m", "lib.calendar", str(port), str(events), str(folder), *where, *options)
    return dict(json.loads(run_pinned(SERVER_CORE, command, seconds=SECONDS).splitlines()[-1]))


def bare(port: int, events: int, folder: Path, database: str) -> Figures:
    """Read the same pages into bare rows."""
    target = database or str(folder / "bare.db")
    command = python("-m", "references.calendar_rows", str(port), str(events), target)
    return dict(json.loads(run_pinned(SERVER_CORE, command, seconds=SECONDS)))


class Column:
    """What is measured on one kind of database.

    Args:
        name: Of the column.
        events: In the calendar.
    """

    def __init__(self, name: str, events: int) -> None:
        self._name, self._events = name, events
        self.first = Line(f"first sync of {events:,} events", "1/s", bar=0.5)
        self.loop = Line("the same (reference: a bare loop without the plugin)", "1/s")
        self.two_way = Line("the same two-way: each becomes an appointment", "1/s")
        self._memory: list[float] = []
        self._looks: list[Figures] = []

    def run(self, port: int, folder: Path, database: str) -> None:
        """Measure once, ours and the reference's in turn."""
        folder.mkdir(parents=True)
        ours = sync(port, self._events, folder, database)
        rate, reference = self._events / ours["seconds"], self._events / ours["bare"]
        self.first.add(rate, reference)
        self.loop.add(rate, self._events / bare(port, self._events, folder, database)["seconds"])
        large = sync(port, TIMES * self._events, folder, database)
        self._memory.append(max(0.1, large["memory"] - ours["memory"]))
        self._looks += [ours, large]
        appointments = sync(port, self._events, folder, database, "--two-way")
        self.two_way.add(self._events / appointments["seconds"], reference)

    def show(self) -> None:
        """Print the table."""
        memory = f"memory of {TIMES * self._events:,} events beyond that of {self._events:,} (reference: the limit)"
        lines = [
            self.first,
            self.loop,
            self.two_way,
            limit(memory, "MB", MORE_MB, self._memory),
            *self._lines(),
        ]
        show(f"Calendar sync, {self._name}", lines)

    def _lines(self) -> Sequence[Line]:
        requests = [look["requests"] for look in self._looks]
        statements = [look["statements"] for look in self._looks]
        return [
            limit("requests of a look without news (reference: the limit)", "", REQUESTS, requests),
            limit("statements of a look without news (reference: the limit)", "", STATEMENTS, statements),
        ]


def main() -> None:
    options = arguments(__doc__, runs=5, events=10_000)
    pages = Program(python("-m", "lib.calendar_pages", "{port}"), free_port(), core=LOAD_CORE)
    with tempfile.TemporaryDirectory() as name, pages as provider:
        column = Column("SQLite", options.events)
        for number in range(options.runs):
            column.run(provider.port, Path(name) / f"sqlite{number}", "")
        column.show()
        if reason := scaled.missing(redis=False):
            print(f"\nCalendar sync, PostgreSQL: skipped, {reason}")
            return
        column = Column("PostgreSQL", options.events)
        for number in range(options.runs):
            with scaled.own_database() as database:
                column.run(provider.port, Path(name) / f"postgresql{number}", database)
        column.show()


if __name__ == "__main__":
    main()
