"""``rallypoint serve``: how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rallypoint.testing.server import ServerProcess
from support.columns import variables


def refused(folder: Path, env: dict[str, str]) -> str:
    """Start a server that cannot start, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "rallypoint", "serve"],
        env=os.environ | {"RALLYPOINT_DATA_DIR": str(folder)} | env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_without_a_fault_is_no_failure(tmp_path: Path, number: signal.Signals) -> None:
    with ServerProcess(tmp_path) as server:
        os.kill(server.pid, number)
        assert server.stop() == 0
    assert "Aborted" not in server.log.read_text()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "address already in use" in refused(tmp_path, {"RALLYPOINT_PORT": port})


def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, variables("postgres://127.0.0.1:1/none"))
    assert "PostgreSQL at 127.0.0.1:1/none cannot be used" in said
