"""A receiver of webhooks in Node.js that tests deliver to."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from support.node import need_node

HERE = Path(__file__).parent


class Receiver:
    """rooms/receiver.cjs in a process of its own; may be stopped and started again on the same port."""

    def __init__(self) -> None:
        self._node = need_node()
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Receiver:
        self._process = subprocess.Popen(
            [self._node, str(HERE / "rooms" / "receiver.cjs")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PORT": str(self.port)},
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def url(self, hook: str) -> str:
        return f"http://127.0.0.1:{self.port}/{hook}"

    def trust(self, hook: str, secret: str) -> None:
        """Tell the receiver a hook's secret."""
        self._send("PUT", f"secrets/{hook}", secret.encode())

    def results(self, hook: str) -> list[dict[str, Any]]:
        """Return what has come to a hook, in order."""
        return [one for one in self._send("GET", "results") if one["path"] == f"/{hook}"]

    def wait_for(self, hook: str, count: int, seconds: float = 20) -> list[dict[str, Any]]:
        """Return a hook's results once there are ``count``, or what there is when time is up."""
        deadline = time.monotonic() + seconds
        while len(found := self.results(hook)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _send(self, method: str, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self.url(path), body, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)
