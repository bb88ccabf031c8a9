"""Credentials as strings: signed access tokens, and random secrets of which only a digest is kept."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey

from rallypoint.errors import Unauthorized
from rallypoint.identity.api import Mode, Role
from rallypoint.storage import clock

ISSUER = "rallypoint"
MAX_TOKEN = 2048

_HEADER = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"HS256"}').rstrip(b"=").decode("ascii")
_ALPHABET = string.ascii_letters + string.digits
_CLAIMS = jwt.JWTClaimsRegistry(
    now=lambda: clock.now() // 1000,
    iss={"essential": True, "value": ISSUER},
    exp={"essential": True},
    jti={"essential": True},
)


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says.

    Args:
        token_id: ``jti``; names the session's row.
        user_id: ``sub``.
        account_id: ``acc``.
        role: Of the user when it was issued; the database has the last word.
        mode: Of the account.
        issued_at: Seconds since the epoch.
        expires_at: Seconds since the epoch.
    """

    token_id: str
    user_id: str
    account_id: str
    role: Role
    mode: Mode
    issued_at: int
    expires_at: int


class AccessTokens:
    """Issues and reads access tokens: JWT (RFC 7519) with HS256.

    Args:
        key: 32 bytes that serve no other purpose (``settings.derive("access-token")``).
    """

    def __init__(self, key: bytes) -> None:
        self._key = OctKey.import_key(key)

    def issue(self, claims: AccessClaims) -> str:
        """Return the signed token."""
        payload = {
            "iss": ISSUER,
            "sub": claims.user_id,
            "acc": claims.account_id,
            "jti": claims.token_id,
            "role": claims.role,
            "mode": claims.mode,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
        }
        return jwt.encode({"alg": "HS256"}, payload, self._key)

    def read(self, token: str) -> AccessClaims:
        """Return the claims of a token that we signed and that has not expired.

        Raises:
            Unauthorized: It is malformed, tampered with or expired.
        """
        if not _is_ours(token):
            raise Unauthorized("The access token is malformed")
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"]).claims
            # When it was issued is not checked: the clock of the process that did so may be a little ahead.
            _CLAIMS.validate({name: value for name, value in claims.items() if name != "iat"})
        except ExpiredTokenError:
            raise Unauthorized("The access token has expired") from None
        except (JoseError, ValueError):
            raise Unauthorized("The signature of the access token does not hold") from None
        return _from(claims)


def _is_ours(token: str) -> bool:
    """Refuse by form what we never issued, before any of it is parsed.

    Our header never varies, so there is no algorithm to confuse; and base64 has several spellings of a
    signature, of which only ours counts.
    """
    header, _, rest = token.partition(".")
    signature = rest.rpartition(".")[2]
    return len(token) <= MAX_TOKEN and token.isascii() and header == _HEADER and _is_canonical(signature)


def _is_canonical(signature: str) -> bool:
    if not re.fullmatch(r"[\w-]{43}", signature, re.ASCII):
        return False
    return base64.urlsafe_b64encode(base64.urlsafe_b64decode(f"{signature}=")) == f"{signature}=".encode()


def _from(claims: Mapping[str, Any]) -> AccessClaims:
    return AccessClaims(
        token_id=claims["jti"],
        user_id=claims["sub"],
        account_id=claims["acc"],
        role=cast(Role, claims["role"]),
        mode=cast(Mode, claims["mode"]),
        issued_at=claims["iat"],
        expires_at=claims["exp"],
    )


def new_secret(prefix: str, length: int = 40) -> str:
    """Return ``prefix`` and random letters and digits (5.95 bits each), which one double click selects."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def digest(secret: str) -> str:
    """Return the SHA-256 by which a random secret is kept and found; it needs no salt, being random."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
