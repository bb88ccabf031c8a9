"""AWS Signature Version 4, for requests without a query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Our own because the one
library that is kept well, botocore, is 25 MB with the descriptions of every service, for what is 60 lines here;
it is held to the vectors that AWS publishes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key of AWS; ``session_token`` is empty for a lasting one."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed_headers(
    credential: Credential,
    *,
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    region: str,
    service: str,
    at: datetime,
) -> dict[str, str]:
    """Return the headers to send beside ``headers`` and ``host``, ``authorization`` among them.

    Args:
        credential: Signs.
        method: Upper case.
        url: Whole, without a query.
        body: As sent.
        headers: To sign, as sent; names in lower case.
        region: Such as ``eu-central-1``.
        service: As AWS names it in signatures, such as ``ses``.
        at: Now, in UTC; AWS allows five minutes.
    """
    parts = urlsplit(url)
    added = {"x-amz-date": at.strftime("%Y%m%dT%H%M%SZ")}
    if credential.session_token:
        added["x-amz-security-token"] = credential.session_token
    signed = {**headers, **added, "host": _host(parts.scheme, parts.hostname or "", parts.port)}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            method,
            quote(parts.path or "/", safe="/-._~"),
            "",
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{at:%Y%m%d}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join([_ALGORITHM, added["x-amz-date"], scope, digest])
    signature = hmac.new(_key(credential, at, region, service), text.encode(), hashlib.sha256).hexdigest()
    given = f"Credential={credential.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**added, "authorization": f"{_ALGORITHM} {given}"}


def _host(scheme: str, host: str, port: int | None) -> str:
    """Return the ``Host`` header as clients write it: the port only when it is not the usual one."""
    return host if port in (None, _PORTS.get(scheme)) else f"{host}:{port}"


def _key(credential: Credential, at: datetime, region: str, service: str) -> bytes:
    key = f"AWS4{credential.secret_access_key}".encode()
    for part in (f"{at:%Y%m%d}", region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
