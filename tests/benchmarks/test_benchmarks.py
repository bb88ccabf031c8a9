"""The benchmarks run: each prints its table, small. What they find is not judged here, on a busy machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALL = {
    "rooms_list": ["--runs=1", "--seconds=1"],
    "deliveries": ["--runs=1", "--rooms=5", "--events=50"],
    "phoenix_fanout": ["--runs=2", "--seconds=0.2"],
    "startup": ["--runs=1"],
    "growth": ["--runs=1", "--rooms=200", "--seconds=0.5", "--events=50"],
    "socketio_fanout": ["--runs=2", "--seconds=0.2"],
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the benchmarks read Linux's /proc"),
]


@pytest.mark.parametrize("name", SMALL)
def test_it_prints_its_table(name: str) -> None:
    if name == "socketio_fanout" and not ((BENCHMARKS / "node_modules").is_dir() and shutil.which("node")):
        pytest.skip("needs Node.js and the packages of benchmarks/")
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
