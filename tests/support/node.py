"""Node.js and the published packages of tests/peers; without them a test skips, in CI it fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

PEERS = Path(__file__).parents[1] / "peers"


def need_node() -> str:
    """Return the path of Node.js, or skip the test (fail it in CI)."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        without("Node.js and npm are needed to try the published clients")
    return str(node)


@cache
def need_packages() -> Path:
    """Install the packages of tests/peers once, whichever test process comes first, and return that folder."""
    need_node()
    with FileLock(PEERS / "install.lock"):
        _install()
    return PEERS


def _install() -> None:
    wanted = json.loads((PEERS / "package.json").read_text())["dependencies"]
    if not all((PEERS / "node_modules" / name / "package.json").exists() for name in wanted):
        command = [str(shutil.which("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=PEERS, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            without(f"npm could not install the clients: {done.stderr[-500:]}")


def without(reason: str) -> None:
    """Skip the test for a reason, or fail it in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
