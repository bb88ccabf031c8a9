"""Runs a command with a PostgreSQL of its own for the tests: ``python tools/with_postgres.py make test``.

Several processes of tests open more connections than most servers take, and what they write need not outlive them.
Where a server is named already, or PostgreSQL's programs are not installed, the command is run as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.postgres_server import PostgresServer

URL = "RALLYPOINT_TEST_DATABASE_URL"
CONNECTIONS = 400


def run(command: list[str], url: str = "") -> int:
    """Run a command, told of a server if there is one, and return its exit code."""
    env = {**os.environ, **({URL: url} if url else {})}
    return subprocess.run(command, env=env, check=False).returncode


def main() -> int:
    """Run the command line's command and return its exit code."""
    command = sys.argv[1:]
    if URL in os.environ:
        return run(command)
    try:
        server = PostgresServer(CONNECTIONS)
    except (pytest.skip.Exception, pytest.fail.Exception):
        return run(command)
    server.start()
    try:
        return run(command, server.url)
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
