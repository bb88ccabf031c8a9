"""Ready verifiers of inbound webhooks: constant time, lengths checked first, secrets looked up at each call."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from typing import Literal

from rallypoint.errors import Unauthorized, Unavailable
from rallypoint.plugins.contributions import Inbound, Verifier
from rallypoint.storage import clock
from rallypoint.webhooks import signing

Secret = str | Callable[[], str]
_MAX_SIGNATURES = 20


def hmac_verifier(
    header: str,
    secret: Secret,
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256",
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
    template: str = "{body}",
    timestamp_header: str | None = None,
    tolerance: float = 300,
) -> Verifier:
    """Verify an HMAC of the body, or of a text with the body in it.

    Args:
        header: That carries the signature.
        secret: The key, or what returns it; an empty one means that the provider is not configured.
        algorithm: Of the hash.
        encoding: Of the signature; hex is taken in either case.
        prefix: Before the signature, such as ``sha256=``.
        template: What is signed: ``{body}`` and ``{timestamp}`` are filled in, as in ``v0:{timestamp}:{body}``.
        timestamp_header: That carries the time in seconds; without one, age is not checked.
        tolerance: Seconds that the time may differ from ours.
    """
    before, _, after = template.partition("{body}")

    def verify(inbound: Inbound) -> None:
        key = _configured(secret)
        given = _required(inbound, header)
        stamp = "" if timestamp_header is None else _required(inbound, timestamp_header)
        if timestamp_header is not None:
            _check_age(stamp, tolerance)
        fill = {"{timestamp}": stamp}
        signed = b"".join([_filled(before, fill), inbound.body, _filled(after, fill)])
        expected = prefix + _encoded(hmac.digest(key.encode(), signed, algorithm), encoding)
        if encoding == "hex":
            given = prefix + given.removeprefix(prefix).lower() if given.startswith(prefix) else ""
        _compare(given, expected)

    return verify


def token_verifier(header: str, secret: Secret) -> Verifier:
    """Verify a shared token that is sent as it is.

    Args:
        header: That carries it.
        secret: The token, or what returns it; an empty one means that the provider is not configured.
    """

    def verify(inbound: Inbound) -> None:
        expected = _configured(secret)
        _compare(_required(inbound, header), expected)

    return verify


def standard_webhooks_verifier(secret: Secret, tolerance: float = 300) -> Verifier:
    """Verify Standard Webhooks 1.0.0: any one of the ``v1`` signatures may match.

    Args:
        secret: With the prefix ``whsec_``, or what returns it.
        tolerance: Seconds that ``webhook-timestamp`` may differ from our time.
    """

    def verify(inbound: Inbound) -> None:
        key = _configured(secret)
        message_id = _required(inbound, "webhook-id")
        timestamp = _check_age(_required(inbound, "webhook-timestamp"), tolerance)
        given = _required(inbound, "webhook-signature").split(" ")[:_MAX_SIGNATURES]
        expected = signing.sign_standard(key, message_id, timestamp, inbound.body)
        matches = [is_same(one, expected) for one in given]  # all of them: when it ends must not tell which
        if not any(matches):
            raise Unauthorized("The signature does not match")

    return verify


def _configured(secret: Secret) -> str:
    value = secret() if callable(secret) else secret
    if not value:
        raise Unavailable("This provider is not configured")
    return value


def _required(inbound: Inbound, header: str) -> str:
    value = inbound.headers.get(header.lower(), "")
    if not value:
        raise Unauthorized(f"The header {header} is missing")
    return value


def _check_age(stamp: str, tolerance: float) -> int:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unauthorized("The timestamp is not one")
    at = int(stamp)
    if abs(clock.now() / 1000 - at) > tolerance:
        raise Unauthorized("The timestamp is too old, or ahead of time")
    return at


def _filled(text: str, values: dict[str, str]) -> bytes:
    for name, value in values.items():
        text = text.replace(name, value)
    return text.encode()


def _encoded(digest: bytes, encoding: str) -> str:
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def _compare(given: str, expected: str) -> None:
    if not is_same(given, expected):
        raise Unauthorized("The signature does not match")


def is_same(given: str, expected: str) -> bool:
    """Compare two texts in a time that does not tell how much is right.

    Args:
        given: What a caller sent; any bytes that a header may have carried.
        expected: The right one.
    """
    ours, theirs = expected.encode(), given.encode("utf-8", "surrogateescape")
    return len(ours) == len(theirs) and hmac.compare_digest(ours, theirs)
