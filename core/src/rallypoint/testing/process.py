"""One of our own programs in a process of its own: started, waited for, stopped, killed or frozen by its id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS = 120.0
STOP_SECONDS = 60.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return int(port)


class ServerDied(Exception):
    """The process exited before it was ready; the message ends with its output."""


class RallypointProcess(ABC):
    """``rallypoint …`` with its data in a folder of its own; may be killed and started again on the same data.

    Usable as a context manager.

    Args:
        data_dir: Its ``RALLYPOINT_DATA_DIR``; its output goes to a log there.
        env: Further variables, ``RALLYPOINT_…`` and others; those of this process that begin so are left out.
        log: Name of the log.
    """

    arguments: Sequence[str]

    def __init__(self, data_dir: Path, env: Mapping[str, str] | None = None, *, log: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir / log
        self._env = {"RALLYPOINT_DATA_DIR": str(data_dir), "RALLYPOINT_LOG_FORMAT": "json", **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._running().pid

    def configure(self, env: Mapping[str, str]) -> None:
        """Set further variables, for the next start."""
        self._env = {**self._env, **env}

    def start(self) -> None:
        """Start and wait until it is ready.

        Raises:
            ServerDied: It exited, or was not ready in time.
        """
        self.wait_ready(self.begin())

    def begin(self) -> int:
        """Start without waiting, and return where in its log this start's output begins."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RALLYPOINT_")}
        with self.log.open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "rallypoint", *self.arguments],
                env={**clean, **self._env},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data_dir,
            )
        return begin

    def stop(self) -> int:
        """Ask it to stop and return its exit code; kills it when it does not within a minute."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """Stop it from running, as a machine does that is swapping or suspended."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._running().send_signal(signal.SIGCONT)

    @abstractmethod
    def ready(self, begin: int) -> bool:
        """Tell whether it is ready; its output of this start begins at the byte ``begin`` of its log."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the process is not running")
        return self._process

    def wait_ready(self, begin: int) -> None:
        """Wait until it is ready, after the :meth:`begin` that returned ``begin``.

        Raises:
            ServerDied: It exited, or was not ready in time.
        """
        deadline = time.monotonic() + START_SECONDS
        process = self._running()
        while process.poll() is None and time.monotonic() < deadline:
            if self.ready(begin):
                return
            time.sleep(0.05)
        self.kill()
        raise ServerDied(self.log.read_text(errors="replace")[-4000:])
