"""A real ``rallypoint serve`` in a process of its own, for tests that must cross the wire or survive a kill."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rallypoint.testing.process import RallypointProcess, ServerDied, free_port

__all__ = ["ServerDied", "ServerProcess", "free_port"]


class ServerProcess(RallypointProcess):
    """A server on a free loopback port.

    Args:
        data_dir: Its ``RALLYPOINT_DATA_DIR``; its output goes to ``server.log`` there.
        env: Further variables, ``RALLYPOINT_…`` and others.
    """

    arguments = ("serve",)

    def __init__(self, data_dir: Path, env: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(data_dir, {"RALLYPOINT_PORT": str(self.port), **(env or {})}, log="server.log")

    def ready(self, begin: int) -> bool:  # noqa: ARG002 - it is asked, not read about
        """Tell whether ``/health`` answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1):  # noqa: S310 - http, loopback
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
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
            "POST",
            "/api/registration",
            {"user": {"email": email, "password": password, "company_name": "Test"}},
        )
        if status != 201:
            raise RuntimeError(f"registration answered {status}: {reply}")
        return str(reply["token"])


def _parsed(body: bytes) -> Any:
    return json.loads(body) if body else None
