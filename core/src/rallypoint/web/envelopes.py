"""Which shape an error has: chosen by the longest matching path prefix, so known before any view runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rallypoint.errors import ApiError, ValidationFailed
from rallypoint.web import pages
from rallypoint.web.prefixes import longest

Name = Literal["data", "success", "inbox", "plain", "watch", "page"]
Json = dict[str, Any]

_WATCH_TITLES = {"UNAUTHORIZED": "Authentication failed", "RATE_LIMITED": "Rate limit exceeded"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One product's way to wrap replies.

    Args:
        name: As manifests name it.
        render: The body of an error; given the status it is sent with.
        schema: JSON Schema of that body.
        invalid: Status of a request whose fields are wrong.
        bare_token: Whether ``Authorization`` may hold a token without ``Bearer``.
        content_type: Of that body.
        headers: Which come with it.
    """

    name: Name
    render: Callable[[ApiError, int], Json | bytes]
    schema: Json
    invalid: int = 400
    bare_token: bool = False
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def status(self, error: ApiError) -> int:
        """Return the status that ``error`` has in this envelope."""
        return self.invalid if isinstance(error, ValidationFailed) else error.status

    def error(self, error: ApiError) -> tuple[int, Json | bytes]:
        """Return the status and the body of an error."""
        status = self.status(error)
        return status, self.render(error, status)


class Envelopes:
    """Prefixes and their envelopes; a prefix matches whole path segments only.

    Unknown ``/api/…`` paths are the inbox's, everything else is ``data``.
    """

    def __init__(self) -> None:
        self._by_prefix: dict[str, Envelope] = {}
        self.add("/api", "inbox")
        self.add("/api/v1", "data")
        self.add("/api/plugins", "data")

    def add(self, prefix: str, name: Name) -> None:
        """Claim ``prefix`` (``/api/v1/rooms``) and everything below it.

        Raises:
            ValueError: No such envelope, a malformed prefix, or one claimed with another envelope.
        """
        if name not in BY_NAME:
            raise ValueError(f"{prefix}: there is no envelope {name!r}; choose one of {', '.join(BY_NAME)}")
        if not prefix.startswith("/") or prefix.endswith("/"):
            raise ValueError(f"{prefix!r} must start with a slash and end without one")
        claimed = self._by_prefix.setdefault(prefix, BY_NAME[name])
        if claimed.name != name:
            raise ValueError(f"{prefix} has the envelope {claimed.name} already and cannot have {name} too")

    def of(self, path: str) -> Envelope:
        """Return the envelope of a path."""
        return longest(self._by_prefix, path) or BY_NAME["data"]


def _coded(error: ApiError) -> Json:
    return {"code": error.code, "message": error.message, "details": error.details}


def _data(error: ApiError, _status: int) -> Json:
    return {"error": _coded(error)}


def _success(error: ApiError, _status: int) -> Json:
    return {"success": False, "error": _coded(error)}


def _inbox(error: ApiError, status: int) -> Json:
    body: Json = {"error": {"message": error.message, "code": error.code, "status": status}}
    if isinstance(error, ValidationFailed):
        return {"errors": error.fields, **body}
    if error.details:
        body["error"]["details"] = error.details
    return body


def _plain(error: ApiError, _status: int) -> Json:
    return {"error": error.message, **({"details": error.details} if error.details else {})}


def _watch(error: ApiError, _status: int) -> Json:
    title = _WATCH_TITLES.get(error.code) or error.code.replace("_", " ").capitalize()
    details: Mapping[str, Any] = error.details
    if isinstance(error, ValidationFailed):
        details = {field: messages[0] for field, messages in error.fields.items()}
    return {"error": title, "message": error.message, "details": details}


def _page(error: ApiError, status: int) -> bytes:
    return pages.error_page(status, error.message)


def _object(required: Mapping[str, Any], **optional: Any) -> Json:
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


_TEXT = {"type": "string"}
_DETAILS = {"type": "object"}
_CODED = _object({"code": _TEXT, "message": _TEXT, "details": _DETAILS})
_INBOX = _object({"message": _TEXT, "code": _TEXT, "status": {"type": "integer"}}, details=_DETAILS)
_FIELDS = {"type": "object", "additionalProperties": {"type": "array", "items": _TEXT}}

BY_NAME: Mapping[Name, Envelope] = {
    envelope.name: envelope
    for envelope in (
        Envelope("data", _data, _object({"error": _CODED})),
        Envelope("success", _success, _object({"success": {"const": False}, "error": _CODED})),
        Envelope("inbox", _inbox, _object({"error": _INBOX}, errors=_FIELDS), invalid=422, bare_token=True),
        Envelope("plain", _plain, _object({"error": _TEXT}, details=_DETAILS)),
        Envelope("watch", _watch, _object({"error": _TEXT, "message": _TEXT, "details": _DETAILS})),
        Envelope("page", _page, _TEXT, content_type=pages.HTML, headers=pages.HEADERS),
    )
}
