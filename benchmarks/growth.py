"""Does cost grow with what is stored? List, join and deliver with 100,000 rooms against the same with 100."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deliveries import deliver, receiver
from lib.rates import rate_of
from lib.report import Line, arguments, show
from lib.seed import seed, some_rooms
from lib.server import copy_data, serving

from rallypoint.testing.server import ServerProcess

FEW = 100
LIST = "/api/v1/rooms?limit=20"
LISTS = (f"GET {LIST}", f"GET {LIST}&type=silent", f"GET {LIST}&status=active&is_public=true")


class Subject:
    """A server and its data.

    Args:
        data_dir: Seeded.
        token: Of the user that lists and joins.
    """

    def __init__(self, data_dir: Path, token: str) -> None:
        self.data_dir = data_dir
        self.server: ServerProcess
        self._headers = [f"Authorization: Bearer {token}"]
        rooms = some_rooms(data_dir, FEW)
        # Joins and leaves of one room are far enough apart not to overtake each other on a few connections.
        self._stays = [f"POST /api/v1/rooms/{room}/{step}" for step in ("join", "leave") for room in rooms]

    def list_cost(self, seconds: float) -> float:
        """Return µs for a request."""
        return 1e6 / rate_of(self.server.port, LISTS, seconds=seconds, headers=self._headers)

    def join_cost(self, seconds: float) -> float:
        """Return µs for a join or leave, each with its event and its webhook."""
        rounds = self._stays * 5
        rate = rate_of(
            self.server.port,
            rounds,
            seconds=seconds * 5,
            headers=self._headers,
            count=len(rounds),
            connections=8,
        )
        return 1e6 / rate

    def deliver_cost(self, port: int, events: int) -> float:
        """Return µs for an event, from its row to the stored attempt; the server must not run."""
        times = deliver(self.data_dir, port, f"--rooms={FEW}", f"--events={events}")
        return (times["fanout"] + times["deliver"]) / times["events"] * 1e6


def prepare(folder: Path, sizes: Sequence[int], url: str) -> list[Subject]:
    """Make one server's data, and fill a copy of it for each size."""
    empty = folder / "empty"
    with serving(empty) as server:
        token = server.register("owner@example.com")
    subjects = []
    for size in sizes:
        data_dir = copy_data(empty, folder / str(size))
        seed(data_dir, size, url)
        subjects.append(Subject(data_dir, token))
    return subjects


def main() -> None:
    options = arguments(__doc__, runs=5, rooms=100_000, seconds=2.0, events=5_000)
    listing, joining, delivering = (
        Line(name, "µs", bar=1.3, direction="at most")
        for name in ("list of rooms", "join or leave, with its event and webhook", "event to stored attempt")
    )
    with tempfile.TemporaryDirectory() as name, receiver() as target:
        many, few = prepare(Path(name), (options.rooms, FEW), f"http://127.0.0.1:{target.port}/hook")
        with ExitStack() as running:
            for subject in (many, few):
                subject.server = running.enter_context(serving(subject.data_dir))
                subject.list_cost(0.5)  # warm
            for _ in range(options.runs):
                listing.add(many.list_cost(options.seconds), few.list_cost(options.seconds))
                joining.add(many.join_cost(options.seconds), few.join_cost(options.seconds))
        for _ in range(options.runs):
            delivering.add(
                many.deliver_cost(target.port, options.events), few.deliver_cost(target.port, options.events)
            )
    show(
        f"Growth: {options.rooms:,} rooms, targets and old deliveries (reference: {FEW})",
        [listing, joining, delivering],
    )


if __name__ == "__main__":
    main()
