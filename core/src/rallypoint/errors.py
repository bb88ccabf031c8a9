"""Every error a caller of the API, or the core on behalf of a plugin, may have to act on.

``ApiError`` and its children become a documented reply; the envelope is chosen by the path (see ``web.envelopes``).
``PluginError`` and its children are how a plugin tells the core what should happen next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An error whose message is meant for the caller.

    Args:
        message: One sentence, shown to the caller as it stands.
        code: Machine-readable, upper case; the class's own code when left out.
        details: JSON-able facts beside the message.
        headers: Extra reply headers, such as ``Retry-After``.
    """

    status = 500
    code = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = dict(details or {})
        self.headers = dict(headers or {})


class BadRequest(ApiError):
    """The request is understood and refused."""

    status, code = 400, "VALIDATION_FAILED"


class ValidationFailed(BadRequest):
    """One or more fields are wrong; 400, or 422 under inbox paths.

    Args:
        fields: Messages by field, the field's path joined with dots.
    """

    def __init__(self, fields: Mapping[str, list[str]], message: str = "The request is not valid") -> None:
        super().__init__(message, details=fields)
        self.fields = dict(fields)


class Unauthorized(ApiError):
    """No credential, or one that does not hold."""

    status, code = 401, "UNAUTHORIZED"


class Forbidden(ApiError):
    """The caller is known and may not do this."""

    status, code = 403, "FORBIDDEN"


class NotFound(ApiError):
    """No such thing, or none that the caller may know of."""

    status, code = 404, "NOT_FOUND"


class Conflict(ApiError):
    """The request contradicts what is stored or under way."""

    status, code = 409, "CONFLICT"


class TooLarge(ApiError):
    """The body is over the limit."""

    status, code = 413, "TOO_LARGE"


class UnsupportedMediaType(ApiError):
    """The body is not JSON."""

    status, code = 415, "UNSUPPORTED_MEDIA_TYPE"


class RateLimited(ApiError):
    """A limit is used up; carries ``Retry-After`` in seconds."""

    status, code = 429, "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, headers={**(headers or {}), "Retry-After": str(retry_after)})


class Unavailable(ApiError):
    """This part of the server does not work at present."""

    status, code = 503, "UNAVAILABLE"


class PluginError(Exception):
    """Base of what a plugin raises to say what should happen next; anything else it raises counts as a bug."""


class RetryLater(PluginError):
    """The provider cannot answer now; try again.

    Args:
        reason: For the operator; no secrets.
        after: Seconds to wait, when the provider said so.
    """

    def __init__(self, reason: str = "the provider asked to wait", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class NeedsReauth(PluginError):
    """The user's credential is dead: the connection waits for its owner."""


class BadConfig(PluginError):
    """A setting is missing or wrong; the message names it."""


class PermanentFailure(PluginError):
    """This piece of work can never succeed; it is not retried.

    Args:
        reason: For the operator; no secrets.
        status: HTTP status by which the provider refused, when it did.
        reason_code: The provider's own word for it, such as ``duplicate``; empty when it gave none.
        payload: The parsed body of the refusal, at most 64 KiB of it; never logged, for it may name people.
    """

    def __init__(
        self,
        reason: str = "this can never succeed",
        *,
        status: int | None = None,
        reason_code: str = "",
        payload: Any = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason_code = reason_code
        self.payload = payload
