"""The clients that connections carry: signed in, or, in the sandbox, going nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from rallypoint.connections.api import Response
from rallypoint.connections.http import ProviderHttp, Request
from rallypoint.errors import PermanentFailure

_log = structlog.stdlib.get_logger("rallypoint.connections")


class ApiClient:
    """Calls one service with one credential; fulfils ``connections.api.Client``.

    Args:
        http: Makes the calls.
        base_url: Of the service's API.
        headers: Returns what carries the credential; called for each request, so that a credential is
            decrypted only when it is used.
        quota: Names whose limit a 429 is about.
    """

    def __init__(
        self,
        http: ProviderHttp,
        base_url: str,
        headers: Callable[[], Mapping[str, str]],
        *,
        quota: str = "",
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = headers
        self._quota = quota

    def __repr__(self) -> str:
        return f"ApiClient({self._base_url!r})"

    async def get_json(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """GET ``path``; errors as ``connections.api.Client`` says."""
        return (await self.request("GET", path, params=params)).json

    async def send_json(self, method: str, path: str, body: Any = None) -> Any:
        """Send ``body``; errors as ``connections.api.Client`` says."""
        return (await self.request(method, path, body=body)).json

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> Response:
        """Send a request; arguments and errors as ``connections.api.Client`` says."""
        return await self._http.call(
            Request(
                method,
                self._base_url,
                path,
                {**(headers or {}), **self._headers()},
                params or {},
                body,
                self._quota,
                data,
                content_type or "application/json",
            )
        )


class SandboxClient:
    """Calls nobody: what would be sent is recorded in the log, and there is nothing to read."""

    def __init__(self, service: str) -> None:
        self._service = service

    async def get_json(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:  # noqa: ARG002
        """Refuse: the sandbox reads no provider."""
        raise PermanentFailure("a sandbox connection calls no provider")

    async def send_json(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ARG002
        """Record that something would have been sent, and answer nothing."""
        _log.info("not sent: sandbox", service=self._service, method=method, path=path)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,  # noqa: ARG002
        body: Any = None,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        data: bytes | None = None,  # noqa: ARG002
        content_type: str | None = None,  # noqa: ARG002
    ) -> Response:
        """Refuse to read; record what would have been sent, and answer nothing."""
        if method in ("GET", "HEAD"):
            return Response(200, {}, await self.get_json(path))
        await self.send_json(method, path, body)
        return Response(204)
