"""``rallypoint serve``: how it ends."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rallypoint.testing.server import ServerProcess
from support.columns import variables


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_without_a_fault_is_no_failure(tmp_path: Path, number: signal.Signals) -> None:
    with ServerProcess(tmp_path) as server:
        os.kill(server.pid, number)
        assert server.stop() == 0
    assert "Aborted" not in server.log.read_text()


def test_a_port_that_is_taken_is_named(refused: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "address already in use" in refused("serve", RALLYPOINT_PORT=port)


def test_a_database_that_is_away_is_named(refused: Callable[..., str]) -> None:
    said = refused("serve", **variables("postgres://127.0.0.1:1/none"))
    assert "PostgreSQL at 127.0.0.1:1/none cannot be used" in said
