"""Reading what a provider answered: its JSON, its waits, and what it calls its refusals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

LONGEST_WAIT = 3600.0
_MAX_REFUSAL = 65_536
_MAX_CODE = 100


def retry_after(value: str | None) -> float | None:
    """Read ``Retry-After``, seconds or a date, as seconds from now, at most an hour; None if unreadable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT)


def refusal(body: bytes) -> Any:
    """Return the parsed body of a refusal; None when it is long or no JSON."""
    if len(body) > _MAX_REFUSAL:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def reason_code(payload: Any, headers: Mapping[str, str] | None = None) -> str:
    """Return the provider's own word for a refusal; empty when it gave none.

    The shapes are those of OAuth (RFC 6749 §5.2: ``error``), Google (``error.errors[].reason``, else
    ``error.status``), Microsoft Graph (``error.code``), Zoom (``code``) and AWS (a header, smithy.io's
    "AWS REST JSON 1 protocol").
    """
    return _said_in(payload) or (headers or {}).get("x-amzn-errortype", "").partition(":")[0][:_MAX_CODE]


def _said_in(payload: Any) -> str:
    error = payload.get("error") if isinstance(payload, Mapping) else None
    if isinstance(error, str):
        return error[:_MAX_CODE]
    if isinstance(error, Mapping):
        return _first_text(_google_reason(error), error.get("status"), error.get("code"))
    return _first_text(payload.get("code")) if isinstance(payload, Mapping) else ""


def _google_reason(error: Mapping[str, Any]) -> Any:
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return first.get("reason") if isinstance(first, Mapping) else None


def _first_text(*values: Any) -> str:
    texts = (str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool))
    return next((text[:_MAX_CODE] for text in texts if text), "")
