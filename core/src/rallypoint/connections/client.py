"""The clients that connections carry: with a key, with a token that is kept fresh, or, in the sandbox, neither."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import structlog

from rallypoint.connections.api import Response
from rallypoint.connections.http import ProviderHttp, Request
from rallypoint.connections.pace import Pace
from rallypoint.errors import NeedsReauth, PermanentFailure

_log = structlog.stdlib.get_logger("rallypoint.connections")


class Calls(ABC):
    """Fulfils ``connections.api.Client`` with one method that sends."""

    @abstractmethod
    async def send(self, request: Request) -> Response:
        """Send a request whose base URL and credential are still to be filled in."""

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
        return await self.send(
            Request(
                method,
                "",
                path,
                dict(headers or {}),
                dict(params or {}),
                body,
                data=data,
                content_type=content_type or "application/json",
            )
        )


class ApiClient(Calls):
    """Calls one service with one credential that does not change.

    Args:
        http: Makes the calls.
        base_url: Of the service's API.
        headers: Returns what carries the credential; called for each request, so that a credential is
            decrypted only when it is used.
        quota: Names whose limit a 429 is about.
        pace: Of the service.
    """

    def __init__(
        self,
        http: ProviderHttp,
        base_url: str,
        headers: Callable[[], Mapping[str, str]],
        *,
        quota: str = "",
        pace: Pace | None = None,
    ) -> None:
        self._http, self._base_url, self._headers = http, base_url, headers
        self._quota, self._pace = quota, pace

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base_url!r})"

    async def send(self, request: Request) -> Response:
        """Send it with the credential."""
        return await self._http.call(
            replace(
                request,
                base_url=self._base_url,
                headers={**request.headers, **self._headers()},
                quota=self._quota,
                pace=self._pace,
            )
        )


class Bearer(Protocol):
    """Where a client's access token comes from."""

    async def token(self) -> str:
        """Return a token that has not expired.

        Raises:
            NeedsReauth: There is none any more.
            RetryLater: There is none at present.
        """
        ...

    async def another(self, refused: str) -> str:
        """Return a fresher token than ``refused``, which the provider does not accept; raises as :meth:`token`."""
        ...

    async def give_up(self) -> None:
        """Hear that the provider refuses a fresh token too."""
        ...


class BearerClient(Calls):
    """Calls one service with an access token (RFC 6750), and once more with a fresh one when that is refused.

    Args:
        http: Makes the calls.
        base_url: Of the service's API.
        bearer: Its tokens.
        quota: Names whose limit a 429 is about.
        pace: Of the service.
    """

    def __init__(
        self, http: ProviderHttp, base_url: str, bearer: Bearer, *, quota: str = "", pace: Pace | None = None
    ) -> None:
        self._http, self._base_url, self._bearer = http, base_url, bearer
        self._quota, self._pace = quota, pace

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base_url!r})"

    async def send(self, request: Request) -> Response:
        """Send it with a token."""
        token = await self._bearer.token()
        try:
            return await self._with(token).send(request)
        except NeedsReauth:
            token = await self._bearer.another(token)
        try:
            return await self._with(token).send(request)
        except NeedsReauth:
            await self._bearer.give_up()
            raise

    def _with(self, token: str) -> ApiClient:
        headers = {"Authorization": f"Bearer {token}"}
        return ApiClient(self._http, self._base_url, lambda: headers, quota=self._quota, pace=self._pace)


class SandboxClient(Calls):
    """Calls nobody: what would be sent is recorded in the log, and there is nothing to read."""

    def __init__(self, service: str) -> None:
        self._service = service

    async def send(self, request: Request) -> Response:
        """Refuse to read; record what would have been sent, and answer nothing."""
        if request.method in ("GET", "HEAD"):
            raise PermanentFailure("a sandbox connection calls no provider")
        _log.info("not sent: sandbox", service=self._service, method=request.method, path=request.path)
        return Response(204)
