"""Signatures of outgoing deliveries: the documented one of rooms, and Standard Webhooks 1.0.0 beside it."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from functools import lru_cache

PREFIX = "whsec_"
SECRET_BYTES = 32
SIGNATURE = "X-Webhook-Signature"


def new_secret() -> str:
    """Return a fresh secret: ``whsec_`` and the base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, body: bytes) -> str:
    """Return the hex HMAC-SHA256 of ``body``, keyed with the whole secret string."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def sign_standard(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``v1,…`` signature of Standard Webhooks.

    Args:
        secret: With its prefix.
        message_id: Without a full stop in it.
        timestamp: Seconds since the epoch, of this attempt.
        body: As sent.
    """
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(_key(secret), content, "sha256")).decode()


def headers(secrets_: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the signature headers of one attempt.

    Args:
        secrets_: The present secret, then the previous one while it is being rotated.
        message_id: The event's id, the same over every retry and replay.
        timestamp: Seconds since the epoch, of this attempt.
        body: As sent.
    """
    return {
        SIGNATURE: sign(secrets_[0], body),
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            [sign_standard(secret, message_id, timestamp, body) for secret in secrets_]
        ),
    }


def verify(secret: str, body: bytes, signature: str) -> bool:
    """Tell in constant time whether ``signature`` is :func:`sign` of ``body``; anything may be passed in."""
    expected = sign(secret, body)
    given = signature.encode("utf-8", "surrogateescape")
    return len(given) == len(expected) and hmac.compare_digest(given, expected.encode())


@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))
