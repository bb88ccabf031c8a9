"""The command line on a server's data, with plugins in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rallypoint.cli import main
from rallypoint.commands.extensions import declared
from rallypoint.testing.install import on_path

Run = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to install plugins in, for this process and for those it starts."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with on_path(folder):
        declared.cache_clear()
        yield folder
    declared.cache_clear()


@pytest.fixture
def rallypoint(tmp_path: Path) -> Run:
    """Runs ``rallypoint …`` on data of its own, or on that of ``data_dir``."""

    def run(
        *arguments: str, data_dir: Path = tmp_path / "var", input: str | None = None, **env: str
    ) -> Result:
        own = {"RALLYPOINT_DATA_DIR": str(data_dir), "COLUMNS": "300", **env}
        return CliRunner().invoke(main, list(arguments), env=own, input=input)

    return run


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """Starts ``rallypoint …``, which must not be able to start, in a process of its own, and returns what it said."""

    def run(command: str, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "rallypoint", command],
            env=os.environ | {"RALLYPOINT_DATA_DIR": str(tmp_path)} | env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    return run
