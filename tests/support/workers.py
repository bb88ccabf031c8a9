"""Real ``rallypoint worker`` processes that a test kills, freezes and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 20.0


class WorkerProcess:
    """One worker; usable as a context manager.

    Args:
        folder: Its ``RALLYPOINT_DATA_DIR``; its output goes to ``worker.log`` there.
        env: The variables of the server whose jobs it runs.
    """

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "worker.log"
        self._folder, self._env = folder, dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, without waiting until it works."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RALLYPOINT_")}
        own = {"RALLYPOINT_DATA_DIR": str(self._folder), "RALLYPOINT_LOG_FORMAT": "json"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rallypoint", "worker"],
                env={**clean, **own, **self._env},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )

    def wait_until_it_works(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while b"the worker has started" not in self.log.read_bytes():
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            assert time.monotonic() < deadline, "the worker did not start in time"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def __enter__(self) -> WorkerProcess:
        self.start()
        self.wait_until_it_works()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
