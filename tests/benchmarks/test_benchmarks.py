"""The benchmarks run: each prints its table, small. What they find is not judged here, on a busy machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import columns, redis_server

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALL = {
    "rooms_list": ["--runs=1", "--seconds=1"],
    "deliveries": ["--runs=1", "--rooms=5", "--events=50"],
    "phoenix_fanout": ["--runs=2", "--seconds=0.2"],
    "startup": ["--runs=1"],
    "growth": ["--runs=1", "--rooms=200", "--seconds=0.5", "--events=50"],
    "availability": ["--runs=1", "--appointments=100", "--seconds=0.5"],
    "socketio_fanout": ["--runs=2", "--seconds=0.2"],
    "deliveries_workers": ["--runs=1", "--rooms=5", "--events=50"],
    "fanout_cluster": ["--runs=2", "--seconds=0.2"],
    "rest_while_draining": ["--runs=1", "--seconds=0.5", "--targets=20", "--events=1000"],
    "connections_due": ["--runs=1", "--seconds=0.5", "--connections=50"],
    "calendar_sync": ["--runs=1", "--events=200"],
    "event_to_socket": ["--runs=1", "--seconds=0.5"],
}
NODE = {"socketio_fanout", "fanout_cluster", "event_to_socket"}
POSTGRESQL = {"deliveries_workers", "fanout_cluster", "event_to_socket"}
REDIS = {"fanout_cluster", "event_to_socket"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the benchmarks read Linux's /proc"),
]


def leave_out_without_what_it_needs(name: str) -> None:
    if name in NODE and not ((BENCHMARKS / "node_modules").is_dir() and shutil.which("node")):
        pytest.skip("needs Node.js and the packages of benchmarks/")
    reason = (name in POSTGRESQL and columns.missing()) or (name in REDIS and redis_server.missing_binary())
    if reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.mark.parametrize("name", SMALL)
def test_it_prints_its_table(name: str) -> None:
    leave_out_without_what_it_needs(name)
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *SMALL[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert "interleaved runs" in done.stdout
    assert "ratio: median (min-max)" in done.stdout


def test_make_bench_runs_all_of_them() -> None:
    listed = subprocess.run(
        [sys.executable, "-c", "from run import BENCHMARKS; print(*BENCHMARKS)"],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert sorted(listed) == sorted(SMALL)
