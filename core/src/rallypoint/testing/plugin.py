"""The pytest plugin that third parties get with ``pip install rallypoint[testing]``: fixtures for a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rallypoint.testing.server import ServerProcess

__all__ = ["rallypoint_server"]


@pytest.fixture
def rallypoint_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Start a real server with ``rallypoint_server(RALLYPOINT_ACME_TOKEN="…")``; stopped when the test ends."""
    running: list[ServerProcess] = []

    def start(**env: str) -> ServerProcess:
        server = ServerProcess(tmp_path / f"server-{len(running)}", env)
        running.append(server)
        server.start()
        return server

    yield start
    for server in running:
        server.stop()
