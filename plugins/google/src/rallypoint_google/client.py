"""Calls Google: what it means by its refusals.

https://developers.google.com/workspace/calendar/api/guides/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.sdk import Client, NeedsReauth, PermanentFailure, RetryLater

_WAIT = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
_CONSENT = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_QUOTA_SECONDS = 30.0


async def call(
    client: Client,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Any = None,
    etag: str = "",
) -> Any:
    """Make a call and return the parsed reply; None when it is empty.

    Args:
        client: Of a connection.
        method: Of HTTP.
        path: Below the API's base URL.
        params: The query.
        body: JSON-able.
        etag: The call is refused with 412 when the resource is another by now; empty for any.

    Raises:
        RetryLater: Google is away, slow, or a limit is used up.
        NeedsReauth: The token is refused, or its scopes do not reach.
        PermanentFailure: Anything else that Google refuses, with its ``status``.
    """
    headers = {"If-Match": etag} if etag else None
    try:
        reply = await client.request(method, path, params=params, body=body, headers=headers)
    except PermanentFailure as refused:
        if refused.status == 403 and refused.reason_code in _WAIT:
            raise RetryLater("Google's request limit is used up", after=_QUOTA_SECONDS) from None
        if refused.status == 403 and refused.reason_code in _CONSENT:
            raise NeedsReauth("Google was not given leave to do this") from None
        raise
    return reply.json


async def ask(client: Client, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read an object; errors as :func:`call`, and ``RetryLater`` when the reply is none."""
    reply = await call(client, "GET", path, params=params)
    if not isinstance(reply, dict):
        raise RetryLater("Google's reply cannot be read")
    return reply
