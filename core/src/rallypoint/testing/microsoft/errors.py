"""How Microsoft Graph refuses: the body of an error, as its guide documents it.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from aiohttp import web


class Refusal(Exception):
    """A request that Graph would refuse.

    Args:
        status: Of the reply.
        code: Graph's word for it, such as ``ErrorItemNotFound``.
        message: For people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message

    def response(self) -> web.Response:
        """Return the reply."""
        return web.json_response(error_body(self.code, self.message), status=self.status)


def error_body(code: str, message: str) -> dict[str, Any]:
    """Return the JSON of an error reply."""
    request_id = str(uuid.uuid4())
    inner = {"date": "2026-01-01T00:00:00", "request-id": request_id, "client-request-id": request_id}
    return {"error": {"code": code, "message": message, "innerError": inner}}


def invalid(message: str, code: str = "ErrorInvalidRequest") -> Refusal:
    """Return the refusal of a malformed request."""
    return Refusal(400, code, message)


def not_found() -> Refusal:
    """Return the refusal of a request for an item that is not there."""
    return Refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def throttled(seconds: int = 1) -> dict[str, Any]:
    """Return arguments for ``fake.fail`` that answer like an exhausted limit."""
    body = json.dumps(error_body("ApplicationThrottled", "Application is over its MailboxConcurrency limit."))
    return {"status": 429, "body": body, "headers": {"Retry-After": str(seconds)}}
