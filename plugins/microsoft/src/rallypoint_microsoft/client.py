"""Calls Microsoft Graph: what it means by its refusals.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.sdk import Client, NeedsReauth, PermanentFailure, RetryLater

_CONSENT = frozenset({"ErrorAccessDenied", "AccessDenied", "Authorization_RequestDenied", "accessDenied"})
_WAIT = frozenset(
    {"ApplicationThrottled", "TooManyRequests", "MailboxConcurrency", "ErrorServerBusy", "ConcurrentItemSave"}
)
_PAUSE_SECONDS = 15.0


async def call(
    client: Client,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Any = None,
    etag: str = "",
    prefer: str = "",
) -> Any:
    """Make a call and return the parsed reply; None when it is empty.

    Args:
        client: Of a connection.
        method: Of HTTP.
        path: Below the API's base URL.
        params: The query.
        body: JSON-able.
        etag: The call is refused with 412 when the resource is another by now; empty for any.
        prefer: How the reply should be (RFC 7240).

    Raises:
        RetryLater: Microsoft is away, slow, a limit is used up, or it is saving the same event just now.
        NeedsReauth: The token is refused, or its scopes do not reach.
        PermanentFailure: Anything else that Microsoft refuses, with its ``status``.
    """
    headers = {name: value for name, value in (("If-Match", etag), ("Prefer", prefer)) if value}
    try:
        reply = await client.request(method, path, params=params, body=body, headers=headers)
    except PermanentFailure as refused:
        if refused.status in (403, 409, 423) and refused.reason_code in _WAIT:
            raise RetryLater("Microsoft asks to wait", after=_PAUSE_SECONDS) from None
        if refused.status == 403 and refused.reason_code in _CONSENT:
            raise NeedsReauth("Microsoft was not given leave to do this") from None
        raise
    return reply.json


async def ask(
    client: Client, path: str, params: Mapping[str, str] | None = None, *, prefer: str = ""
) -> dict[str, Any]:
    """Read an object; errors as :func:`call`, and ``RetryLater`` when the reply is none."""
    reply = await call(client, "GET", path, params=params, prefer=prefer)
    if not isinstance(reply, dict):
        raise RetryLater("Microsoft's reply cannot be read")
    return reply
