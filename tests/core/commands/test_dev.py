"""``rallypoint plugin dev``: starts again when a plugin's source changes, and says how the plugins are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rallypoint.commands.dev import sources
from rallypoint.testing.install import install_plugin

pytestmark = pytest.mark.slow
PATIENCE = 120


@pytest.fixture
def developing(site, tmp_path):
    """A running ``plugin dev`` and what it printed so far."""
    package = install_plugin(site, "draft", "VALUE = 1")
    log = tmp_path / "dev.log"
    env = {
        **os.environ,
        "RALLYPOINT_DATA_DIR": str(tmp_path / "var"),
        "RALLYPOINT_PLUGINS": "draft",
        "COLUMNS": "300",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rallypoint", "plugin", "dev", "--port", "0"],
            env=env, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process, package, log.read_text
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(text: str, printed: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while text not in printed():
        assert time.monotonic() < deadline, printed()
        time.sleep(0.1)


def test_it_starts_again_on_every_change_and_shows_what_came_of_it(developing):
    process, package, printed = developing
    wait_for(f"Watching {package}", printed)
    wait_for("active", printed)
    (package / "__init__.py").write_text("raise ValueError('half-written')")
    wait_for("ValueError: half-written", printed)
    (package / "__init__.py").write_text("import os; os._exit(9)")
    wait_for("The server did not start", printed)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0


def test_only_what_is_imported_from_its_source_is_watched(site):
    package = install_plugin(site, "draft")
    install_plugin(site, "wheel", package="rallypoint_wheel")
    assert package in sources()
    assert not any("site-packages" in folder.parts for folder in sources())
    assert all(isinstance(folder, Path) for folder in sources())
