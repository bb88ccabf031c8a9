"""``rallypoint worker``: refused on SQLite, seen while it works, told what it may read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from rallypoint.cli import main
from rallypoint.testing.cluster import WorkerProcess
from support.columns import PostgreSQL, only_postgresql, run, variables


def test_the_embedded_default_needs_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RALLYPOINT_DATABASE_URL", raising=False)
    monkeypatch.setenv("RALLYPOINT_DATA_DIR", str(tmp_path))
    result = CliRunner().invoke(main, ["worker"])
    assert result.exit_code == 1
    assert "workers need PostgreSQL" in str(result.exception) + result.output


def test_a_worker_without_a_database_says_so_in_one_line(refused: Callable[..., str]) -> None:
    env = variables("postgres://127.0.0.1:1/none")
    said = refused("worker", **env, RALLYPOINT_LOG_LEVEL="error")
    assert "the worker cannot start: PostgreSQL at 127.0.0.1:1/none" in said


@only_postgresql
def test_a_worker_shows_itself_and_stops_when_told(
    column: str, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = postgresql.fresh()

    async def kinds() -> list[tuple[str, bool]]:
        connection = await asyncpg.connect(url)
        try:
            rows = await connection.fetch("SELECT kind, seen_at FROM processes")
            return [(row["kind"], row["seen_at"] > 0) for row in rows]
        finally:
            await connection.close()

    with WorkerProcess(tmp_path, variables(url)) as worker:
        assert run(kinds()) == [("worker", True)]
        assert worker.stop() == 0
    assert run(kinds()) == [("worker", False)]


@only_postgresql
def test_a_worker_stands_back_as_far_as_it_is_told(
    column: str, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with WorkerProcess(tmp_path, variables(postgresql.fresh()), options=("--nice", "7")) as worker:
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 7
