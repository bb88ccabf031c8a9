"""A user's consent at a provider: asked for, come back from, turned into a connection."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import structlog

from rallypoint.connections import records
from rallypoint.connections.api import Connection, Identity, OAuthFailed, OAuthFailure, Owner
from rallypoint.connections.client import ApiClient
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.services import ConsentService, Services
from rallypoint.connections.states import Asked, States
from rallypoint.connections.tokens import GrantDead, Tokens
from rallypoint.errors import (
    BadConfig,
    Conflict,
    PermanentFailure,
    RetryLater,
    ValidationFailed,
)
from rallypoint.plugins.contributions import OAuth2Connection
from rallypoint.plugins.running import Runner
from rallypoint.settings import Settings
from rallypoint.storage.database import Database, Row

IDENTIFY_TIMEOUT = 60.0
MAX_CODE = 4096
MAX_RETURN_TO = 2000
_SANDBOX_CODE = "sandbox"
_NOT_ASKED_BACK = frozenset({"openid", "email", "profile", "offline_access"})
"""Scopes that some providers grant without naming them again (OpenID Connect Core §5.4, §11)."""
_log = structlog.stdlib.get_logger("rallypoint.connections")
_ERROR = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True, slots=True, repr=False)
class Return:
    """What a provider handed a user back with (RFC 6749 §4.1.2).

    Args:
        state: As we made it.
        code: To be exchanged.
        error: In place of a code.
        services: Those that the callback serves; None for all.
        path: Of the callback; empty when it is an alias.
    """

    state: str
    code: str = ""
    error: str = ""
    services: Collection[str] | None = None
    path: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Consented:
    """What came of a consent, not kept yet.

    Args:
        asked: What was asked for.
        tokens: None in the sandbox.
        identity: Whose account it is.
        scopes: Granted.
    """

    asked: Asked
    tokens: Tokens | None
    identity: Identity
    scopes: tuple[str, ...]


class Consent:
    """Sends users to providers and takes them back.

    Args:
        database: Where connections are.
        settings: Where we are reached, and who may be returned to.
        services: What may be connected.
        states: Of consents under way.
        http: Makes the first call with a new token.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        services: Services,
        states: States,
        http: ProviderHttp,
    ) -> None:
        self._database, self._settings = database, settings
        self._services, self._states, self._http = services, states, http

    async def begin(self, owner: Owner, service: str, scopes: Iterable[str], return_to: str) -> str:
        """Return the URL at which the user consents; arguments and errors as ``Connections.begin``."""
        known = self._services.with_consent(service)
        if return_to and not may_return(return_to, self._settings):
            raise ValidationFailed({"return_to": ["must be a path here, or a page that may call this API"]})
        async with self._database.transaction() as tx:
            row = await records.of_user(tx, owner, service)
            wanted = _wanted(known.declared, row, scopes)
            state, verifier = await self._states.make(tx, owner, service, wanted, return_to)
        redirect_uri = self._redirect_uri(known.declared)
        if owner.mode != "live":
            return f"{redirect_uri}?{urlencode({'state': state, 'code': _SANDBOX_CODE})}"
        standard = {
            "state": state,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
            "scope": " ".join(wanted),
        }
        return known.endpoint.authorize_url(
            known.declared.authorize_url, **{**known.declared.authorize_params, **standard}
        )

    async def come_back(self, back: Return, run: Runner) -> Consented:
        """Turn what the provider handed the user back with into tokens; errors as ``Connections.complete``."""
        await self._check_callback(back)
        asked = await self._states.use(back.state)
        known = self._services.with_consent(asked.service)
        if back.error or not 0 < len(back.code) <= MAX_CODE:
            raise _refusal(known.declared, back.error, asked)
        if asked.owner.mode != "live":
            return Consented(asked, None, Identity("Sandbox"), asked.scopes)
        tokens = await self._exchange(known, asked, back.code)
        granted = tokens.scopes or asked.scopes
        if missing := missing_scopes(asked.scopes, granted):
            text = f"{known.declared.title} was not given every access that it needs"
            raise OAuthFailed("scopes", text, return_to=asked.return_to, missing=missing)
        return Consented(asked, tokens, await self._identify(known, asked, tokens, run), granted)

    async def _check_callback(self, back: Return) -> None:
        """Refuse the state of another callback, and leave it to that one."""
        row = await self._states.look(back.state)
        declared = self._services.with_consent(row["service"]).declared
        foreign = back.services is not None and row["service"] not in back.services
        if foreign or (back.path and back.path != declared.redirect_path):
            raise OAuthFailed("state", "This sign-in was begun for another service")

    async def _exchange(self, known: ConsentService, asked: Asked, code: str) -> Tokens:
        uri, title = self._redirect_uri(known.declared), known.declared.title
        try:
            return await known.endpoint.exchange(code, verifier=asked.verifier, redirect_uri=uri)
        except RetryLater:
            raise _away(known.declared, asked) from None
        except (GrantDead, PermanentFailure) as error:
            text = f"{title} does not accept this sign-in: connect again"
            raise OAuthFailed("exchange", text, return_to=asked.return_to) from error
        except BadConfig as error:
            _log.error("a provider does not know this server", service=asked.service, reason=str(error))
            text = f"{title} does not know this server: its operator must look at the settings"
            raise OAuthFailed("exchange", text, return_to=asked.return_to) from error

    async def _identify(self, known: ConsentService, asked: Asked, tokens: Tokens, run: Runner) -> Identity:
        declared, headers = known.declared, {"Authorization": f"Bearer {tokens.access}"}
        client = ApiClient(self._http, declared.base_url, lambda: headers, pace=known.pace)
        candidate = self._services.candidate(known, asked.owner, client)
        try:
            return await run(
                known.plugin, _named(declared, candidate), what="identify", timeout=IDENTIFY_TIMEOUT
            )
        except RetryLater:
            raise _away(declared, asked) from None
        except Exception as error:  # a bug has been counted by the runner; the user comes back all the same
            text = f"{declared.title} does not say whose account this is"
            raise OAuthFailed("identify", text, return_to=asked.return_to) from error

    def _redirect_uri(self, declared: OAuth2Connection) -> str:
        return self._settings.own_url + declared.redirect_path


def missing_scopes(asked: Iterable[str], granted: Iterable[str]) -> tuple[str, ...]:
    """Return what was asked for and not granted.

    Providers differ in how they write scopes back: Microsoft with or without the resource in front
    (``https://graph.microsoft.com/Calendars.ReadWrite``), in letters of either case; those of OpenID Connect they
    may leave out or write in full, as Google does (``…/auth/userinfo.email``).
    """
    whole = {scope.lower() for scope in granted}
    tails = {_tail(scope) for scope in whole}

    def has(scope: str) -> bool:
        return scope in whole or (_tail(scope) in whole if "/" in scope else scope in tails)

    return tuple(scope for scope in asked if scope not in _NOT_ASKED_BACK and not has(scope.lower()))


def _tail(scope: str) -> str:
    return scope.rpartition("/")[2]


def may_return(url: str, settings: Settings) -> bool:
    """Tell whether a browser may be sent to ``url``: a path of ours, or a page that may call this API anyway."""
    if len(url) > MAX_RETURN_TO or not url.isprintable() or not url.isascii() or "\\" in url or " " in url:
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    allowed = {_origin(one) for one in (settings.own_url, settings.integrations_url, *settings.cors_origins)}
    return _origin(url) in allowed - {""}


def _origin(url: str) -> str:
    """Return scheme and host of a web page; empty for what is none, or hides where it leads."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    plain = parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc
    return f"{parts.scheme}://{parts.netloc}".lower() if plain else ""


def _wanted(declared: OAuth2Connection, row: Row | None, scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes to ask for, those granted before among them: a new token has them all, or loses them."""
    granted = row["scopes"].split() if row is not None else []
    asked = tuple(dict.fromkeys([*declared.scopes, *scopes]))
    # What a provider writes back in another spelling is not asked for twice.
    wanted = (*asked, *missing_scopes(granted, asked))
    works = row is not None and row["state"] == "connected"
    if works and not missing_scopes(wanted, granted):
        raise Conflict(f"{declared.title} is already connected")
    return wanted


def _refusal(declared: OAuth2Connection, error: str, asked: Asked) -> OAuthFailed:
    """Return what an error of the authorisation endpoint comes to (RFC 6749 §4.1.2.1)."""
    name = error if _ERROR.fullmatch(error) else "an unknown error"
    reason: OAuthFailure
    if error == "access_denied":
        reason, text = "denied", f"{declared.title} was not connected: access was not given"
    elif error in ("temporarily_unavailable", "server_error"):
        reason, text = "unavailable", f"{declared.title} cannot answer at present: try again"
    else:
        reason, text = "exchange", f"{declared.title} was not connected: the provider answered {name}"
    return OAuthFailed(reason, text, return_to=asked.return_to)


def _away(declared: OAuth2Connection, asked: Asked) -> OAuthFailed:
    text = f"{declared.title} cannot be reached at present: connect again in a while"
    return OAuthFailed("unavailable", text, return_to=asked.return_to)


async def _named(declared: OAuth2Connection, candidate: Connection) -> Identity:
    identity = await declared.identify(candidate)
    if not isinstance(identity, Identity):
        raise TypeError(f"identify of {declared.service!r} must return an Identity, not {identity!r}")
    return identity
