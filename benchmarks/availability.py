"""Does a day's availability cost more the more is booked? With 10,000 appointments stored against 10."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lib.rates import rate_of
from lib.report import Line, arguments, show
from lib.server import copy_data, serving

from rallypoint.storage import clock
from rallypoint.storage.ids import new_id
from rallypoint.testing.server import ServerProcess

FEW = 10
A_DAY = 8
DAY = "2090-06-01"
FIRST = 3_800_000_000_000 - 3_800_000_000_000 % clock.DAY + 9 * clock.HOUR
"""Nine o'clock (UTC) of that day, in milliseconds."""


class Subject:
    """A server and its data.

    Args:
        data_dir: Seeded.
        path: What is asked for.
    """

    def __init__(self, data_dir: Path, path: str) -> None:
        self.data_dir, self._path = data_dir, path
        self.server: ServerProcess

    def cost(self, seconds: float) -> float:
        """Return µs for a request."""
        return 1e6 / rate_of(self.server.port, [f"GET {self._path}"], seconds=seconds)

    def day(self) -> Any:
        """Return what the server says."""
        status, reply = self.server.request("GET", self._path)
        if status != 200:
            raise RuntimeError(f"availability answered {status}: {reply}")
        return reply


def prepare(folder: Path, sizes: Sequence[int]) -> list[Subject]:
    """Make one server's practitioner, and book a copy of them for each size."""
    empty = folder / "empty"
    with serving(empty) as server:
        token = server.register("owner@example.com")
        me = server.request("GET", "/api/me", token=token)[1]["id"]
        made = server.request("POST", "/api/practitioners", {"name": "Ada", "userId": me}, token=token)[1]
        for day in range(7):
            hours = {"dayOfWeek": day, "startTime": "9:00 AM", "endTime": "9:00 PM"}
            server.request("POST", f"/api/practitioners/{made['id']}/schedules", hours, token=token)
    subjects = []
    for size in sizes:
        data_dir = copy_data(empty, folder / str(size))
        book(data_dir, made["id"], size)
        subjects.append(Subject(data_dir, f"/api/practitioners/{made['id']}/availability?date={DAY}"))
    return subjects


def book(data_dir: Path, practitioner: int, count: int) -> None:
    """Store ``count`` appointments, eight a day: on the day that is asked for, and before and after it."""
    with sqlite3.connect(data_dir / "rallypoint.db") as db:
        account, user = db.execute("SELECT account_id, id FROM users LIMIT 1").fetchone()
        for row in rows(practitioner, account, user, count):
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            db.execute(f"INSERT INTO appointments ({names}) VALUES ({marks})", list(row.values()))
    db.close()


def rows(practitioner: int, account: str, user: str, count: int) -> Iterator[dict[str, Any]]:
    """Yield the rows, the asked day's first."""
    at, customer = clock.now(), new_id()
    for number in range(count):
        day, slot = divmod(number, A_DAY)
        away = (
            (day + 1) // 2 * (1 if day % 2 else -1)
        )  # the day itself, then one after and one before, and so on
        start = FIRST + away * clock.DAY + slot * clock.HOUR
        yield {
            "account_id": account, "mode": "live", "user_id": user, "practitioner_id": practitioner,
            "practitioner_name": "Ada", "date": clock.rfc3339(start)[:10], "time": f"{9 + slot:02}:00:00",
            "timezone": "UTC", "start_at": start, "end_at": start + clock.HOUR, "duration": 60,
            "session_type": "", "status": "confirmed", "notes": "", "customer_id": customer,
            "customer_name": f"Customer {number}", "customer_email": "", "customer_phone": "", "reason": "",
            "seq": 1, "sequence": 0, "created_at": at, "updated_at": at,
        }  # fmt: skip


def main() -> None:
    options = arguments(__doc__, runs=7, appointments=10_000, seconds=2.0)
    line = Line("availability of a day", "µs", bar=1.2, direction="at most")
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        many, few = prepare(Path(name), (options.appointments, FEW))
        for subject in (many, few):
            subject.server = running.enter_context(serving(subject.data_dir))
            subject.cost(0.5)  # warm
        free = [[slot["available"] for slot in subject.day()["timeSlots"]] for subject in (many, few)]
        if free[0] != free[1] or free[0] != [False] * A_DAY + [True] * 4:
            raise RuntimeError(f"the two days differ: {free}")
        for _ in range(options.runs):
            line.add(many.cost(options.seconds), few.cost(options.seconds))
    show(f"Availability: {options.appointments:,} appointments stored (reference: {FEW})", [line])


if __name__ == "__main__":
    main()
