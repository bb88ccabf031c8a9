"""A real ``rallypoint serve`` in a process of its own, for tests that must cross the wire or survive a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

START_SECONDS = 30.0
STOP_SECONDS = 15.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return int(port)


class ServerDied(Exception):
    """The server exited before it answered; the message ends with its output."""


class ServerProcess:
    """A server on a free loopback port, with its data in a folder of its own.

    Usable as a context manager; may be killed and started again on the same data and port.

    Args:
        data_dir: Its ``RALLYPOINT_DATA_DIR``; its output goes to ``server.log`` there.
        env: Further variables, ``RALLYPOINT_…`` and others.
    """

    def __init__(self, data_dir: Path, env: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir / "server.log"
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until ``/health`` answers.

        Raises:
            ServerDied: It exited, or did not answer in time.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RALLYPOINT_")}
        own = {
            "RALLYPOINT_DATA_DIR": str(self.data_dir),
            "RALLYPOINT_PORT": str(self.port),
            "RALLYPOINT_LOG_FORMAT": "json",
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rallypoint", "serve"],
                env={**clean, **own, **self._env},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data_dir,
            )
        self._wait()

    def stop(self) -> int:
        """Ask it to stop and return its exit code; kills it when it does not within 15 s."""
        process, self._process = self._process, None
        if process is None:
            return 0
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

    def request(
        self, method: str, path: str, body: Any = None, *, token: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a JSON request and return status and parsed reply (None when it is empty)."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, data, sent, method=method)  # noqa: S310 - http, loopback
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                return reply.status, _parsed(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())

    def register(self, email: str, password: str = "correct horse battery") -> str:  # noqa: S107 - of a test's user
        """Register an account and return its access token."""
        status, reply = self.request(
            "POST", "/api/registration", {"user": {"email": email, "password": password, "company_name": "Test"}}
        )
        if status != 201:
            raise RuntimeError(f"registration answered {status}: {reply}")
        return str(reply["token"])

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        process = self._process
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=1):  # noqa: S310
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        self.kill()
        raise ServerDied(self.log.read_text(errors="replace")[-4000:])


def _parsed(body: bytes) -> Any:
    return json.loads(body) if body else None
