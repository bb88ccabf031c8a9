"""One server and one worker whose clocks are five minutes off: schedules and tokens go by the database's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from rallypoint.testing.cluster import WorkerProcess
from rallypoint.testing.server import ServerProcess
from support.columns import variables
from support.postgres_server import PostgresServer

pytestmark = pytest.mark.slow
# Read by Python before anything else: the process's clocks, moved.
SKEW = """
import time

AHEAD = {ahead}
true, true_ns = time.time, time.time_ns
time.time = lambda: true() + AHEAD
time.time_ns = lambda: true_ns() + AHEAD * 10**9
"""
TOLERANCE = 1.0


@pytest.fixture(scope="module", params=[300, -300], ids=["ahead", "behind"])
def pair(request, tmp_path_factory) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    folder, postgres = tmp_path_factory.mktemp("clocks"), PostgresServer()
    postgres.start()
    (folder / "sitecustomize.py").write_text(SKEW.format(ahead=request.param))
    right = variables(postgres.url)
    wrong = {**right, "PYTHONPATH": str(folder)}
    try:
        with (
            ServerProcess(folder / "right", right) as one,
            ServerProcess(folder / "wrong", wrong) as other,
            WorkerProcess(folder / "worker", wrong),
        ):
            assert "clock is not PostgreSQL's" in other.log.read_text()
            yield one, other
    finally:
        postgres.close()


def test_a_token_of_either_holds_at_the_other(pair):
    for number, (issuer, reader) in enumerate([pair, pair[::-1]]):
        token = issuer.register(f"{number}@example.com")
        assert reader.request("GET", "/api/me", token=token)[0] == 200


def test_a_room_starts_when_it_should(pair):
    token = pair[0].register("timetable@example.com")
    start = datetime.now(UTC) + timedelta(seconds=3)
    body = {"name": "Later", "scheduled_start": start.isoformat()}
    status, reply = pair[1].request("POST", "/api/v1/rooms", body, token=token)
    assert (status, reply["data"]["status"]) == (201, "scheduled")
    path, deadline = f"/api/v1/rooms/{reply['data']['id']}", time.monotonic() + 20
    while pair[0].request("GET", path, token=token)[1]["data"]["status"] == "scheduled":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    late = (datetime.now(UTC) - start).total_seconds()
    assert -TOLERANCE < late < TOLERANCE + 2  # a worker looks at the timetable at least once a second
