"""Cross-origin requests from browsers (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rallypoint.web.answers import Header

_METHODS = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = b"Content-Type, Authorization, Idempotency-Key"
_EXPOSED = (
    b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-Request-Id,"
    b" Idempotency-Replayed"
)
_MAX_AGE = b"600"


class Cors:
    """Which origins may read our replies.

    Args:
        origins: Such as ``https://app.example.com``; ``*`` lets every origin read, without credentials.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        allowed = [origin.rstrip("/").encode("latin-1") for origin in origins]
        self._any = b"*" in allowed
        self._granted = {origin: self._grant(origin) for origin in allowed if origin != b"*"}
        self._others: list[Header] = self._grant(b"*")[:1] if self._any else [(b"vary", b"Origin")]

    @staticmethod
    def _grant(origin: bytes) -> list[Header]:
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

    def headers(self, origin: bytes | None) -> list[Header]:
        """Return the headers that a reply to ``origin`` carries."""
        return self._others if origin is None else self._granted.get(origin, self._others)

    def preflight(self, method: str, headers: Mapping[bytes, bytes]) -> list[Header] | None:
        """Return what a preflight is told, beside :meth:`headers`; None when the request is none."""
        if method != "OPTIONS" or b"access-control-request-method" not in headers or b"origin" not in headers:
            return None
        if not self._any and headers[b"origin"] not in self._granted:
            return []
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", _MAX_AGE),
        ]
