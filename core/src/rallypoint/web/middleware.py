"""What every HTTP request passes before anything else: id, size, CORS, security headers, the access log.

Plain ASGI in one class: each layer of wrapped callables would cost every request twice.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, cast

import structlog
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from rallypoint.errors import ApiError, TooLarge
from rallypoint.logs import access_logger
from rallypoint.metrics import Metrics
from rallypoint.settings import Settings
from rallypoint.storage.ids import new_id
from rallypoint.web import answers
from rallypoint.web.answers import Answer, Header
from rallypoint.web.cors import Cors
from rallypoint.web.envelopes import Envelopes
from rallypoint.web.errors import internal

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_DEFAULTS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}


class Middleware:
    """Wraps an ASGI application that serves HTTP.

    Args:
        app: What answers.
        settings: Limits, origins, public URL.
        envelopes: For the errors raised here.
        metrics: Told of every request.
    """

    def __init__(self, app: AsgiApp, settings: Settings, envelopes: Envelopes, metrics: Metrics) -> None:
        self._app = app
        self._envelopes = envelopes
        self._metrics = metrics
        self._max_body = settings.max_body_bytes
        self._cors = Cors(settings.cors_origins)
        self._access = access_logger(settings)
        self._defaults = dict(_DEFAULTS)
        if settings.public_url.startswith("https://"):
            self._defaults[b"strict-transport-security"] = b"max-age=31536000"
        self._standard = list(self._defaults.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send).run()

    def decorate(self, headers: list[Header], origin: bytes | None, request_id: bytes) -> list[Header]:
        """Return a reply's headers and the standard ones, which a reply may replace by its own."""
        own = {name for name, _ in headers}
        standard = [header for header in self._standard if header[0] not in own]
        return [*headers, *standard, *self._cors.headers(origin), (b"x-request-id", request_id)]


class _Exchange:
    """One request on its way through."""

    __slots__ = ("_middleware", "_origin", "_receive", "_request_id", "_scope", "_send", "_size", "_status")

    def __init__(self, middleware: Middleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._middleware, self._scope, self._receive, self._send = middleware, scope, receive, send
        self._status = 0
        self._size = 0

    async def run(self) -> None:
        middleware, scope = self._middleware, self._scope
        began = perf_counter()
        headers = dict(scope["headers"])
        shown = headers.get(b"x-request-id", b"")
        self._request_id = shown if _REQUEST_ID.fullmatch(shown) else new_id().encode()
        self._origin = self._reader(headers.get(b"origin"))
        scope["rallypoint.request_id"] = request_id = self._request_id.decode()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        middleware._metrics.began()
        try:
            await self._answer(headers)
        finally:
            took = perf_counter() - began
            middleware._metrics.request(
                scope["method"], scope.get("rallypoint.route", ""), self._status, took
            )
            if middleware._access is not None:
                self._log(took)

    def _reader(self, origin: bytes | None) -> bytes | None:
        """Return the origin that may read the reply: pages know their user by cookie, so no other site may."""
        if origin is not None and self._middleware._envelopes.of(self._scope["path"]).name == "page":
            return None
        return origin

    async def _answer(self, headers: dict[bytes, bytes]) -> None:
        middleware, scope = self._middleware, self._scope
        preflight = middleware._cors.preflight(scope["method"], headers)
        try:
            if preflight is not None:
                await self._reply(Answer(204, preflight, b""))
                return
            self._check_length(headers.get(b"content-length"))
            await middleware._app(scope, self._counting_receive, self._decorating_send)
        except TooLarge as error:
            await self._fail(error)
        except Exception as error:
            await self._fail(internal(error, method=scope["method"], path=scope["path"]))

    def _check_length(self, declared: bytes | None) -> None:
        if declared is not None and declared.isdigit() and int(declared) > self._middleware._max_body:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body may have {self._middleware._max_body} bytes")

    async def _counting_receive(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._middleware._max_body:
            raise self._too_large()
        return message

    async def _decorating_send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = self._middleware.decorate(
                list(message["headers"]), self._origin, self._request_id
            )
        await self._send(message)

    async def _fail(self, error: ApiError) -> None:
        if self._status:  # the reply has begun: all that is left is to cut it short
            raise error
        envelope = self._middleware._envelopes.of(self._scope["path"])
        await self._reply(answers.of_error(error, envelope))

    async def _reply(self, answer: Answer) -> None:
        start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        await self._decorating_send(start)
        await self._decorating_send({"type": "http.response.body", "body": answer.body})

    def _log(self, took: float) -> None:
        scope = self._scope
        self._middleware._access.info(
            "request",
            request_id=scope["rallypoint.request_id"],
            method=scope["method"],
            path=scope["path"],
            status=self._status,
            ms=round(took * 1000, 2),
            client=scope["client"][0] if scope.get("client") else "",
        )


def behind_proxies(app: AsgiApp, settings: Settings) -> AsgiApp:
    """Return ``app`` seeing the client's address and scheme through the trusted proxies, and no others.

    Wrap the outermost application, sockets included, and turn uvicorn's own ``proxy_headers`` off.
    """
    if not settings.trusted_proxies:
        return app
    wrapped: Any = ProxyHeadersMiddleware(cast(Any, app), list(settings.trusted_proxies))
    return cast(AsgiApp, wrapped)
