"""Redis for tests: the shared one, and one that a test may stop, freeze and restart."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest

from rallypoint.testing.server import free_port
from support.ports import listens

DEFAULT_URL = "redis://127.0.0.1:6379/0"
BINARY = shutil.which("redis-server")


def shared_url() -> str:
    """The Redis that tests use: ``RALLYPOINT_TEST_REDIS_URL``, else the default port's."""
    return os.environ.get("RALLYPOINT_TEST_REDIS_URL", DEFAULT_URL)


@cache
def missing() -> str:
    """Say why Redis cannot be tested here; empty when it can."""
    if "RALLYPOINT_TEST_REDIS_URL" in os.environ or listens(6379):
        return ""
    reason = "no Redis: set RALLYPOINT_TEST_REDIS_URL or start one on 127.0.0.1:6379"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    return reason


def missing_binary() -> str:
    """Say why no Redis can be started here; empty when it can."""
    if BINARY:
        return ""
    reason = "no redis-server on the PATH to start and stop"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    return reason


class RedisServer:
    """A ``redis-server`` of a test's own, on a free port, keeping nothing on disk.

    Args:
        folder: For its log.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert BINARY
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [BINARY, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 10
        while not listens(self.port):
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def freeze(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)
