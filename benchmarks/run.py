"""Runs every benchmark, one after the other, and prints their tables; names given choose among them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

from lib.process import ROOT, python

BENCHMARKS = (
    "rooms_list",
    "deliveries",
    "socketio_fanout",
    "phoenix_fanout",
    "startup",
    "growth",
    "availability",
    "deliveries_workers",
    "fanout_cluster",
    "event_to_socket",
    "rest_while_draining",
    "connections_due",
    "calendar_sync",
)
SECONDS = 900


def main() -> None:
    chosen = sys.argv[1:] or BENCHMARKS
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    failed = [name for name in chosen if not succeeds(name)]
    if failed:
        sys.exit(f"\nThese did not run: {', '.join(failed)}")


def succeeds(name: str) -> bool:
    """Run one benchmark and tell whether it came to its end."""
    try:
        return subprocess.run(python(f"{name}.py"), cwd=ROOT, timeout=SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    main()
