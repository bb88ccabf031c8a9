"""The token endpoint of a provider, on Authlib: codes, refresh tokens and grants of the operator's own.

Authlib writes the requests (RFC 6749, 7009, 7636) and this file sends them with the one HTTP client for providers;
what comes back is read here, because what a plugin is told depends on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client
from yarl import URL

from rallypoint.connections.api import Response, RevokeAuth, TokenAuth
from rallypoint.connections.http import ProviderHttp, Request
from rallypoint.errors import BadConfig, NeedsReauth, PermanentFailure, RetryLater
from rallypoint.storage import clock

_FORM = "application/x-www-form-urlencoded"
_MAX_TOKEN = 16_384
_LONGEST_LIFE = 366 * 86_400
_OPERATOR_ERRORS = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})


class GrantDead(Exception):
    """The provider takes the code or refresh token for used up, revoked or expired (``invalid_grant``)."""


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What a token endpoint answered.

    Args:
        access: The access token.
        refresh: The refresh token; empty when there is none.
        expires_at: Milliseconds; None when the provider does not say.
        lifetime: Milliseconds between issue and expiry; 0 when the provider does not say.
        scopes: Granted, when the provider says so.
    """

    access: str
    refresh: str = ""
    expires_at: int | None = None
    lifetime: int = 0
    scopes: tuple[str, ...] = ()

    def pack(self) -> str:
        """Return what is to be sealed of it."""
        kept = {"a": self.access, "r": self.refresh, "e": self.expires_at, "l": self.lifetime}
        return json.dumps(kept, separators=(",", ":"))

    @classmethod
    def unpack(cls, packed: str) -> Tokens:
        """Return what :meth:`pack` was called on, without its scopes.

        Raises:
            ValueError: It is something else.
        """
        try:
            kept = json.loads(packed)
            return cls(kept["a"], kept["r"], kept["e"], kept["l"])
        except (KeyError, TypeError) as error:
            raise ValueError("not packed tokens") from error


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registration at a provider: whose tokens, and from where.

    Args:
        token_url: Takes codes and refresh tokens.
        client_id: The operator's.
        client_secret: The operator's.
        token_auth: How both travel.
        revoke_url: Takes tokens that are done with; may be empty.
        revoke_auth: How id and secret travel to it.
    """

    token_url: str
    client_id: str
    client_secret: str
    token_auth: TokenAuth
    revoke_url: str = ""
    revoke_auth: RevokeAuth = "none"

    def __repr__(self) -> str:
        return f"Endpoint({self.token_url!r})"


class TokenClient(OAuth2Client):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client with coroutines in the place of its calls."""

    def __init__(self, http: ProviderHttp, endpoint: Endpoint) -> None:
        super().__init__(
            session=http,
            client_id=endpoint.client_id,
            client_secret=endpoint.client_secret,
            token_endpoint_auth_method=endpoint.token_auth,
            revocation_endpoint_auth_method=_anonymous
            if endpoint.revoke_auth == "none"
            else endpoint.revoke_auth,
            code_challenge_method="S256",
        )

    async def _fetch_token(self, url: str, *, body: str, auth: ClientAuth, **_: Any) -> Tokens:
        return _read(await self._post(url, body, auth))

    async def _refresh_token(self, url: str, *, body: str, auth: ClientAuth, **_: Any) -> Tokens:
        return _read(await self._post(url, body, auth))

    async def _http_post(self, url: str, body: str, *, auth: ClientAuth, **_: Any) -> Response:
        return await self._post(url, body, auth)

    async def _post(self, url: str, body: str, auth: ClientAuth) -> Response:
        url, headers, body = auth.prepare("POST", url, {}, body)
        http: ProviderHttp = self.session
        return await http.call(form_request(url, headers, body))


def _anonymous(_client: Any, _method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
    """Send no word of the client: Google knows a token's client, and refuses parameters that it does not expect."""
    return uri, headers, body


def form_request(url: str, headers: Mapping[str, str], body: str) -> Request:
    """Return a form's POST to a whole URL; a 429 holds back the others to the same one."""
    target = URL(url)
    base = str(target.origin())
    return Request(
        "POST", base, target.path, headers, target.query, quota=url, data=body.encode(), content_type=_FORM
    )


class TokenEndpoint:
    """One registration's token endpoint.

    Args:
        http: Makes the calls.
        endpoint: Where it is, and who asks.
    """

    def __init__(self, http: ProviderHttp, endpoint: Endpoint) -> None:
        self._client = TokenClient(http, endpoint)
        self._endpoint = endpoint

    def authorize_url(self, url: str, **params: str) -> str:
        """Return where the user consents; ``code_verifier`` becomes a challenge (S256)."""
        made, _ = self._client.create_authorization_url(url, **params)
        return str(made)

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """Return the tokens for a code; errors as :meth:`refresh`."""
        return await self._ask(
            self._client.fetch_token(
                self._endpoint.token_url,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=redirect_uri,
            )
        )

    async def refresh(self, refresh_token: str) -> Tokens:
        """Return fresh tokens; ``refresh`` is empty when the old one is to be kept.

        Raises:
            GrantDead: The provider does not know the refresh token any more.
            RetryLater: The provider is away, or its reply was lost: the old token may still hold.
            BadConfig: It does not know the operator's registration.
            PermanentFailure: It refuses the request for another reason.
        """
        return await self._ask(
            self._client.refresh_token(self._endpoint.token_url, refresh_token=refresh_token)
        )

    async def grant(self, params: Mapping[str, str]) -> Tokens:
        """Return tokens for the operator's own credentials; errors as :meth:`refresh`."""
        return await self._ask(self._client.fetch_token(self._endpoint.token_url, **params))

    async def revoke(self, token: str) -> None:
        """Tell the provider that ``token`` is done with (RFC 7009 §2.1).

        Raises:
            RetryLater: The provider is away.
            PermanentFailure: It refuses; with 400 and ``invalid_token`` the token was dead already.
            NeedsReauth: It refuses the operator's registration.
        """
        await self._client.revoke_token(self._endpoint.revoke_url, token=token)

    async def _ask(self, call: Any) -> Tokens:
        try:
            tokens: Tokens = await call
        except NeedsReauth:
            raise BadConfig(self._refused("401")) from None
        except PermanentFailure as error:
            raise self._translated(error) from None
        return tokens

    def _translated(self, error: PermanentFailure) -> Exception:
        if error.reason_code == "invalid_grant":
            return GrantDead("invalid_grant")
        if error.reason_code in _OPERATOR_ERRORS:
            return BadConfig(self._refused(error.reason_code))
        return error

    def _refused(self, reason: str) -> str:
        return f"{URL(self._endpoint.token_url).host} refuses the operator's client id or secret ({reason})"


def _read(response: Response) -> Tokens:
    """Return a token response's tokens (RFC 6749 §5.1).

    Raises:
        PermanentFailure: It is an error with status 200, as some providers send it.
        RetryLater: It is nothing that a token endpoint may answer.
    """
    said = response.json
    if isinstance(said, dict) and isinstance(error := said.get("error"), str):
        raise PermanentFailure("the provider refused", status=response.status, reason_code=error)
    if not isinstance(said, dict) or not _is_token(said.get("access_token")):
        raise RetryLater("the provider's token endpoint answers without a token")
    lifetime = _lifetime(said.get("expires_in"))
    refresh, scope = said.get("refresh_token"), said.get("scope")
    return Tokens(
        access=said["access_token"],
        refresh=str(refresh) if _is_token(refresh) else "",
        expires_at=clock.now() + lifetime if lifetime else None,
        lifetime=lifetime,
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def _is_token(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_TOKEN and value.isascii() and value.isprintable()


def _lifetime(value: object) -> int:
    """Return ``expires_in`` (seconds, some send text) as milliseconds; 0 when there is none worth the name."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return 0
    return round(min(seconds, _LONGEST_LIFE) * 1000) if seconds > 0 else 0
