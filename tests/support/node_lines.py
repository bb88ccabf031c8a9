"""A Node.js program that answers lines, one process for many questions."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class NodeLines:
    """Asks one line, gets one line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().removesuffix("\n")


@contextmanager
def node_lines(script: Path) -> Iterator[NodeLines]:
    """Run ``script``; without Node the test skips, in CI it fails."""
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Node.js is not installed")
    with subprocess.Popen(
        [str(node), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield NodeLines(process)
        finally:
            process.kill()
