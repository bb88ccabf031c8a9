"""How Google refuses: the body of an error, as its API guide documents it.

https://developers.google.com/workspace/calendar/api/guides/errors
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}


class Refusal(Exception):
    """A request that Google would refuse.

    Args:
        status: Of the reply.
        reason: Google's short word, such as ``fullSyncRequired``.
        message: For people.
        domain: Whose word the reason is.
        location: What of the request is wrong, such as ``If-Match``.
    """

    def __init__(
        self, status: int, reason: str, message: str, *, domain: str = "global", location: str = ""
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location

    def response(self) -> web.Response:
        """Return the reply."""
        body = error_body(self.status, self.reason, self.message, domain=self.domain, location=self.location)
        headers = (
            {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if self.status == 401 else {}
        )
        return web.json_response(body, status=self.status, headers=headers)


def error_body(
    status: int, reason: str, message: str, *, domain: str = "global", location: str = ""
) -> dict[str, Any]:
    """Return the JSON of an error reply."""
    one: dict[str, Any] = {"domain": domain, "reason": reason, "message": message}
    if location:
        kind = "header" if location in ("If-Match", "Authorization") else "parameter"
        one |= {"locationType": kind, "location": location}
    error: dict[str, Any] = {"code": status, "message": message, "errors": [one]}
    if status in _STATUS:
        error["status"] = _STATUS[status]
    return {"error": error}


def invalid(message: str, location: str = "") -> Refusal:
    """Return the refusal of a malformed request."""
    return Refusal(400, "invalid", message, location=location)


def rate_limited(status: int = 403) -> dict[str, Any]:
    """Return arguments for ``fake.fail`` that answer like an exhausted quota: 403 or 429."""
    body = error_body(status, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits")
    return {"status": status, "body": json.dumps(body), "headers": {"Content-Type": "application/json"}}
