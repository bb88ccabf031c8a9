"""Errors that were not raised as ours: those of routing, and bugs."""

from __future__ import annotations

from typing import Any

import structlog
from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from rallypoint.errors import ApiError, Unavailable
from rallypoint.web import answers
from rallypoint.web.away import Away
from rallypoint.web.envelopes import Envelopes

log: Any = structlog.get_logger("rallypoint.web")

_KNOWN = {
    400: ("VALIDATION_FAILED", "The request is not valid"),
    404: ("NOT_FOUND", "There is nothing at this path"),
    405: ("METHOD_NOT_ALLOWED", "This path does not take this method"),
    408: ("TIMEOUT", "The request took too long to arrive"),
    413: ("TOO_LARGE", "The body is too large"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The body must be JSON"),
}


def of_http(error: HTTPException) -> ApiError:
    """Return werkzeug's exception as ours, with its status and, for a 405, ``Allow``."""
    status = error.code or 500
    code, message = _KNOWN.get(status, ("INTERNAL" if status >= 500 else "BAD_REQUEST", error.name))
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    converted = ApiError(message, code=code, headers=headers)
    converted.status = status
    return converted


def internal(error: BaseException, *, method: str, path: str) -> ApiError:
    """Log a bug with its traceback and return what its caller is told: nothing."""
    log.error("request failed", method=method, path=path, exc_info=error)
    return ApiError("Something went wrong on the server")


def install(quart: Quart, envelopes: Envelopes, away: Away) -> None:
    """Answer what Quart raises before or beside our routes in the envelope of the path."""

    async def on_http(error: HTTPException) -> Response:
        if isinstance(error, NotFound) and (message := away.of(request.path)) is not None:
            return _response(Unavailable(message))
        return _response(of_http(error))

    async def on_bug(error: Exception) -> Response:
        return _response(internal(error, method=request.method, path=request.path))

    def _response(error: ApiError) -> Response:
        envelope = envelopes.of(request.path)
        status, content = envelope.error(error)
        headers = {**envelope.headers, **error.headers}
        return Response(answers.encode(content), status, headers, content_type=envelope.content_type)

    quart.register_error_handler(HTTPException, on_http)
    quart.register_error_handler(Exception, on_bug)
