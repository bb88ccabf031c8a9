"""Processes that start at the same moment on an empty PostgreSQL database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rallypoint.testing.server import ServerProcess
from support.columns import PostgreSQL, variables


@pytest.mark.slow
def test_four_make_the_tables_once(postgresql: PostgreSQL, tmp_path):
    env = variables(postgresql.empty())
    servers = [ServerProcess(tmp_path / str(number), env) for number in range(4)]
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(ServerProcess.start, servers))
        tokens = [server.register(f"{number}@example.com") for number, server in enumerate(servers)]
        for server in servers:
            assert server.request("GET", "/ready")[0] == 200
            for token in tokens:  # what one has written, every other reads
                assert server.request("GET", "/api/v1/rooms", token=token)[0] == 200
    finally:
        for server in servers:
            server.stop()
    greetings = [server.log.read_text().count("one-time setup token") for server in servers]
    assert sum(greetings) == 1
