"""Who gave whom leave to do what, and the codes and tokens that prove it."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class User:
    """A Google account."""

    email: str
    name: str = ""

    @property
    def id(self) -> str:
        """Google's number of the account: digits, stable."""
        return str(int.from_bytes(hashlib.sha256(self.email.encode()).digest()[:8], "big"))


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """An application registered with Google.

    Args:
        redirect_uris: Exactly as they must be sent; empty takes any.
    """

    id: str
    secret: str
    redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """An authorisation code, good once."""

    email: str
    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str
    offline: bool
    prompted: bool


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token opens."""

    email: str
    scopes: frozenset[str]
    client_id: str = ""
    expires_at: float = float("inf")


@dataclass(frozen=True, slots=True)
class Issued:
    """A reply of the token endpoint."""

    access_token: str
    scopes: frozenset[str]
    refresh_token: str = ""


class TokenRefused(Exception):
    """A refusal of the token endpoint; the first argument is OAuth's error, the second describes it."""


@dataclass(slots=True)
class Grants:
    """Grants of all users.

    Attributes:
        lifetime: Seconds for which access tokens are good.
        rotate: Whether a refresh replaces the refresh token (Google does not).
        token_requests: How often each kind of grant was asked for.
        issued: Every refresh token, oldest first.
    """

    clock: Callable[[], float] = time.time
    lifetime: float = 3599
    rotate: bool = False
    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, OAuthClient] = field(default_factory=dict)
    token_requests: dict[str, int] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    _codes: dict[str, Code] = field(default_factory=dict)
    _granted: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    _access: dict[str, Access] = field(default_factory=dict)
    _refresh: dict[str, Access] = field(default_factory=dict)

    def granted(self, client_id: str, email: str) -> frozenset[str]:
        """Return what a user has granted an application so far."""
        return self._granted.get((client_id, email), frozenset())

    def consent(self, code: Code) -> str:
        """Note a user's consent and return the code for it."""
        key = (code.client_id, code.email)
        self._granted[key] = self.granted(*key) | code.scopes
        token = f"4/{secrets.token_urlsafe(32)}"
        self._codes[token] = code
        return token

    def exchange(self, client_id: str, code: str, redirect_uri: str, verifier: str) -> Issued:
        """Take a code in and return tokens.

        Raises:
            TokenRefused: The code is unknown, used, another application's, or its proof does not fit.
        """
        known = self._codes.pop(code, None)
        if known is None or known.client_id != client_id:
            raise TokenRefused("invalid_grant", "Malformed auth code.")
        if known.redirect_uri != redirect_uri:
            raise TokenRefused("redirect_uri_mismatch", "Bad Request")
        if known.challenge and challenge_of(verifier) != known.challenge:
            raise TokenRefused("invalid_grant", "Invalid code verifier.")
        refresh = ""
        if known.offline and (known.prompted or not self._has_refresh(known)):
            refresh = f"1//{secrets.token_urlsafe(32)}"
            self._refresh[refresh] = Access(known.email, known.scopes, client_id)
            self.issued.append(refresh)
        return Issued(self._issue(known.email, known.scopes, client_id), known.scopes, refresh)

    def refresh(self, client_id: str, token: str) -> Issued:
        """Return a new access token.

        Raises:
            TokenRefused: The refresh token is unknown, revoked, or another application's.
        """
        known = self._refresh.get(token)
        if known is None or known.client_id != client_id:
            raise TokenRefused("invalid_grant", "Token has been expired or revoked.")
        rotated = ""
        if self.rotate:
            rotated = f"1//{secrets.token_urlsafe(32)}"
            self._refresh[rotated] = self._refresh.pop(token)
            self.issued.append(rotated)
        return Issued(self._issue(known.email, known.scopes, client_id), known.scopes, rotated)

    def access(self, token: str) -> Access | None:
        """Return what an access token opens; None when it is unknown, revoked or expired."""
        known = self._access.get(token)
        return None if known is None or known.expires_at <= self.clock() else known

    def tokens(self) -> list[str]:
        """Return the access tokens that open something, oldest first."""
        return [token for token in self._access if self.access(token)]

    def learn(self, token: str, access: Access, refresh: str = "") -> None:
        """Accept the tokens that another sign-in server issued."""
        self._access[token] = access
        if refresh:
            self._refresh[refresh] = access
            self.issued.append(refresh)

    def revoke(self, token: str) -> bool:
        """Take the whole grant of a token back, as Google does; whether there was one."""
        known = self._refresh.get(token) or self._access.get(token)
        if known is None:
            return False
        self.withdraw(known.email, known.client_id)
        return True

    def withdraw(self, email: str, client_id: str | None = None) -> None:
        """Let a user take back what they granted, as on Google's page of third-party access."""
        self._granted = {
            key: scopes
            for key, scopes in self._granted.items()
            if not _meant(key[1], key[0], email, client_id)
        }
        for tokens in (self._access, self._refresh):
            for token, access in list(tokens.items()):
                if _meant(access.email, access.client_id, email, client_id):
                    del tokens[token]

    def expire_access(self) -> None:
        """Let every access token expire now; refresh tokens stay."""
        self._access.clear()

    def count(self, grant_type: str) -> None:
        """Note a request of the token endpoint."""
        self.token_requests[grant_type] = self.token_requests.get(grant_type, 0) + 1

    def _issue(self, email: str, scopes: frozenset[str], client_id: str) -> str:
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self._access[token] = Access(email, scopes, client_id, self.clock() + self.lifetime)
        return token

    def _has_refresh(self, code: Code) -> bool:
        mine = (code.email, code.client_id)
        return any((access.email, access.client_id) == mine for access in self._refresh.values())


def _meant(email: str, client_id: str, wanted_email: str, wanted_client: str | None) -> bool:
    return email == wanted_email and wanted_client in (None, client_id)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
