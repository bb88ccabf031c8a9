"""Microsoft Entra's sign-in: the consent page and the token endpoint, here or at somebody else's emulator.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from rallypoint.testing.fakes import Recorded
from rallypoint.testing.oauth import OAuthFake
from rallypoint.testing.oauth_books import Books, OAuthError

AUTH_PATH, TOKEN_PATH = "/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/token"
_UPSTREAM_TOKEN, _UPSTREAM_WHO = "/oauth2/v2.0/token", "/oidc/userinfo"
_GRAPH = "https://graph.microsoft.com/"
_SIGN_IN_SCOPES = {"openid", "profile", "email", "offline_access"}
_SCOPES = {"User.Read", "Calendars.Read", "Calendars.ReadWrite", "MailboxSettings.Read"}


class EntraBooks(Books):
    """Refresh tokens are replaced at each use, and the old ones go on being accepted."""

    def refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return fresh tokens.

        Raises:
            OAuthError: The refresh token does not hold.
        """
        grant = self._refresh.get(form.get("refresh_token", ""))
        if grant is None or grant.ended:
            raise OAuthError("invalid_grant", "AADSTS70000: the refresh token does not hold")
        return self._issue(grant, refresh=True)


class SignIn(OAuthFake):
    """The endpoints.

    Args:
        upstream: Base URL of another program that signs users in (npm ``emulate``); empty to do it here.
    """

    def __init__(self, upstream: str = "") -> None:
        super().__init__()
        self.upstream = upstream
        self.books = EntraBooks(lifetime=3599)
        self.refresh_tokens: list[str] = []

    def token_requests_of(self, grant_type: str) -> list[Recorded]:
        """Return what the token endpoint was asked with one grant, oldest first."""
        found = self.received("POST", TOKEN_PATH)
        return [one for one in found if dict(parse_qsl(one.body.decode())).get("grant_type") == grant_type]

    def sign_in_routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        token = self._relay if self.upstream else self._token
        return [
            web.get(AUTH_PATH, self._page),
            web.post("/decide", self._decide),
            web.post(TOKEN_PATH, token),
        ]

    def _wrong_question(self, request: web.Request) -> str:
        asked = {one.removeprefix(_GRAPH) for one in request.query.get("scope", "").split()}
        if unknown := asked - _SCOPES - _SIGN_IN_SCOPES:
            return f"AADSTS70011: the scope {sorted(unknown)[0]} is not valid"
        if request.query.get("response_mode", "query") not in ("query", "form_post", "fragment"):
            return "AADSTS90014: response_mode is not valid"
        return super()._wrong_question(request)

    def _granted(self, form: dict[str, str]) -> dict[str, object]:
        answer = super()._granted(form)
        scopes = str(answer["scope"]).split()
        if "offline_access" not in scopes:
            answer.pop("refresh_token", None)
        # Graph's own scopes come back in full, and that of the refresh token not at all.
        plain = dict.fromkeys(one.removeprefix(_GRAPH) for one in scopes if one != "offline_access")
        answer["scope"] = " ".join(one if one in _SIGN_IN_SCOPES else f"{_GRAPH}{one}" for one in plain)
        answer["ext_expires_in"] = answer["expires_in"]
        self._note(answer)
        return answer

    async def _relay(self, request: web.Request) -> web.Response:
        """Have the other program issue the tokens, and learn whose they are."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        async with aiohttp.ClientSession(self.upstream) as session:
            async with session.post(_UPSTREAM_TOKEN, data=form) as reply:
                status, body = reply.status, await reply.json()
            if status != 200:
                return web.json_response(body, status=status)
            signed = {"Authorization": f"Bearer {body['access_token']}"}
            async with session.get(_UPSTREAM_WHO, headers=signed) as about:
                email = (await about.json())["email"]
        self.books.learn(body["access_token"], email, tuple(str(body["scope"]).split()))
        self._note(body)
        return web.json_response({**body, "expires_in": int(self.books.lifetime)})

    def _note(self, answer: Mapping[str, Any]) -> None:
        if "refresh_token" in answer:
            self.refresh_tokens.append(str(answer["refresh_token"]))
