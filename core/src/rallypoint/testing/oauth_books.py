"""What an authorisation server remembers: consents, codes, tokens, and which of them are done with."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CODE_SECONDS = 60.0


class OAuthError(Exception):
    """An answer of RFC 6749 §5.2: its ``error`` and why, for whoever reads the test."""

    def __init__(self, error: str, why: str, status: int = 400) -> None:
        super().__init__(f"{error}: {why}")
        self.error, self.why, self.status = error, why, status


@dataclass(slots=True)
class Grant:
    """A person's consent to one client.

    Args:
        email: Whose.
        scopes: Granted.
        ended: Revoked, or ended by a refresh token that was used twice.
    """

    email: str
    scopes: tuple[str, ...]
    ended: bool = False


@dataclass(slots=True)
class _Code:
    grant: Grant
    challenge: str
    redirect_uri: str
    expires_at: float
    used: bool = False


@dataclass(slots=True)
class _Access:
    grant: Grant
    expires_at: float


@dataclass(slots=True)
class Books:
    """Everything that was issued.

    Args:
        rotating: Whether a refresh token serves once and brings the next one (RFC 9700 §4.14.2).
        lifetime: Seconds of an access token.
        gives_refresh: Whether a code brings a refresh token.
    """

    rotating: bool = True
    lifetime: float = 3600.0
    gives_refresh: bool = True
    grants: list[Grant] = field(default_factory=list)
    _codes: dict[str, _Code] = field(default_factory=dict)
    _refresh: dict[str, Grant] = field(default_factory=dict)
    _spent: dict[str, Grant] = field(default_factory=dict)
    _access: dict[str, _Access] = field(default_factory=dict)

    def code(self, email: str, scopes: tuple[str, ...], challenge: str, redirect_uri: str) -> str:
        """Note a consent and return its code."""
        grant = Grant(email, scopes)
        self.grants.append(grant)
        code = f"code-{secrets.token_urlsafe(12)}"
        self._codes[code] = _Code(grant, challenge, redirect_uri, time.monotonic() + CODE_SECONDS)
        return code

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the tokens for a code; a code that comes twice ends what the first time brought.

        Raises:
            OAuthError: It is unknown, used, over, or not this client's.
        """
        code = self._codes.get(form.get("code", ""))
        if code is None:
            raise OAuthError("invalid_grant", "the code is unknown")
        if code.used:
            code.grant.ended = True
            raise OAuthError("invalid_grant", "the code was used already")
        code.used = True
        if time.monotonic() > code.expires_at:
            raise OAuthError("invalid_grant", "the code is over")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is not that of the authorisation")
        if challenge(form.get("code_verifier", "")) != code.challenge:
            raise OAuthError("invalid_grant", "code_verifier does not fit code_challenge")
        return self._issue(code.grant, refresh=self.gives_refresh)

    def refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return fresh tokens; a spent refresh token ends its grant.

        Raises:
            OAuthError: The refresh token does not hold.
        """
        token = form.get("refresh_token", "")
        if spent := self._spent.get(token):
            spent.ended = True
            raise OAuthError("invalid_grant", "the refresh token was used already")
        grant = self._refresh.get(token)
        if grant is None or grant.ended:
            raise OAuthError("invalid_grant", "the refresh token does not hold")
        if self.rotating:
            self._spent[token] = self._refresh.pop(token)
        return self._issue(grant, refresh=self.rotating)

    def app_token(self, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return a token of the client itself."""
        return self._issue(Grant("", scopes), refresh=False)

    def revoke(self, token: str) -> None:
        """End a grant by any of its tokens; an unknown one is none's (RFC 7009 §2.2)."""
        access = self._access.get(token)
        grant = self._refresh.get(token) or self._spent.get(token) or (access.grant if access else None)
        if grant is not None:
            self.end(grant.email)

    def end(self, email: str) -> None:
        """End every grant of a person, as Google does when one is revoked."""
        for grant in self.grants:
            grant.ended = grant.ended or grant.email == email

    def learn(self, token: str, email: str, scopes: tuple[str, ...]) -> None:
        """Accept an access token that another sign-in server issued."""
        self._access[token] = _Access(Grant(email, scopes), time.monotonic() + self.lifetime)

    def forget_access(self) -> None:
        """Let no access token be accepted any more; refresh tokens hold."""
        self._access.clear()

    def who(self, token: str) -> Grant | None:
        """Return whose an access token is; None when it does not hold."""
        access = self._access.get(token)
        if access is None or access.grant.ended or time.monotonic() > access.expires_at:
            return None
        return access.grant

    def _issue(self, grant: Grant, *, refresh: bool) -> dict[str, Any]:
        access = f"at-{secrets.token_urlsafe(12)}"
        self._access[access] = _Access(grant, time.monotonic() + self.lifetime)
        answer: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": round(self.lifetime) if self.lifetime >= 1 else self.lifetime,
            "scope": " ".join(grant.scopes),
        }
        if refresh:
            answer["refresh_token"] = f"rt-{secrets.token_urlsafe(12)}"
            self._refresh[answer["refresh_token"]] = grant
        return answer


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
