"""Google's sign-in: the consent page, the token endpoint, revocation, and who somebody is.

https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from aiohttp import web
from yarl import URL

from rallypoint.testing.google.grants import Code, Grants, Issued, OAuthClient, TokenRefused

AUTH_PATH, TOKEN_PATH, REVOKE_PATH = "/o/oauth2/v2/auth", "/token", "/revoke"
_CONSENT_PATH = AUTH_PATH + "/consent"
_CARRIED = ("client_id", "redirect_uri", "state", "code_challenge", "access_type", "prompt")
_NO_CLIENT = "The OAuth client was not found."


class SignIn:
    """The endpoints.

    Args:
        grants: Keeps what is granted.
    """

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(AUTH_PATH, self._page),
            web.post(_CONSENT_PATH, self._decide),
            web.post(TOKEN_PATH, self._token),
            web.post(REVOKE_PATH, self._revoke),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        problem = self._problem(request.query)
        if problem:
            return web.Response(status=400, text=f"Error 400: {problem}")
        forms = "".join(self._form(email, request.query) for email in self._grants.users)
        return web.Response(text=f"<!doctype html><title>Sign in</title>{forms}", content_type="text/html")

    def _problem(self, query: Mapping[str, str]) -> str:
        client = self._grants.clients.get(query.get("client_id", ""))
        if client is None:
            return f"invalid_client: {_NO_CLIENT}"
        if not _registered(client, query.get("redirect_uri", "")):
            return "redirect_uri_mismatch"
        if query.get("response_type") != "code":
            return "invalid_request: response_type must be code"
        if not query.get("scope"):
            return "invalid_request: Missing required parameter: scope"
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            return "invalid_request: only S256 is taken"
        return ""

    def _form(self, email: str, query: Mapping[str, str]) -> str:
        carried = {name: query.get(name, "") for name in _CARRIED} | {"email": email}
        scopes = dict.fromkeys(query["scope"].split())
        if query.get("include_granted_scopes") == "true":
            scopes |= dict.fromkeys(sorted(self._grants.granted(query["client_id"], email)))
        hidden = "".join(_input("hidden", name, value) for name, value in carried.items())
        boxes = "".join(
            f"<label>{_input('checkbox', 'scope', scope)}{escape(scope)}</label>" for scope in scopes
        )
        buttons = "".join(
            f'<button name="decision" value="{what}">{what}</button>' for what in ("allow", "deny")
        )
        return f'<form method="post" action="{_CONSENT_PATH}"><h2>{escape(email)}</h2>{hidden}{boxes}{buttons}</form>'

    async def _decide(self, request: web.Request) -> web.Response:
        form = await request.post()
        fields = {name: str(form.get(name, "")) for name in (*_CARRIED, "email", "decision")}
        scopes = frozenset(map(str, form.getall("scope", [])))
        asked = {**fields, "response_type": "code", "scope": "-", "code_challenge_method": "S256"}
        if self._problem(asked) or fields["email"] not in self._grants.users:
            return web.Response(status=400, text="Error 400: invalid_request")
        if fields["decision"] == "deny" or not scopes:
            return _back(fields, {"error": "access_denied"})
        code = Code(
            email=fields["email"],
            client_id=fields["client_id"],
            redirect_uri=fields["redirect_uri"],
            scopes=scopes,
            challenge=fields["code_challenge"],
            offline=fields["access_type"] == "offline",
            prompted="consent" in fields["prompt"].split(),
        )
        return _back(fields, {"code": self._grants.consent(code), "scope": " ".join(sorted(scopes))})

    async def _token(self, request: web.Request) -> web.Response:
        if request.content_type != "application/x-www-form-urlencoded":
            return _refused("invalid_request", "Only forms are taken.")
        form = {name: str(value) for name, value in (await request.post()).items()}
        self._grants.count(form.get("grant_type", ""))
        client = self._client(request, form)
        if client is None:
            return _refused("invalid_client", _NO_CLIENT, 401)
        try:
            issued = self._issue(client, form)
        except TokenRefused as refusal:
            return _refused(*refusal.args)
        return web.json_response(self._reply(issued), headers={"Cache-Control": "no-store"})

    def _issue(self, client: OAuthClient, form: Mapping[str, str]) -> Issued:
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self._grants.exchange(
                client.id, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
            )
        if kind == "refresh_token":
            return self._grants.refresh(client.id, form.get("refresh_token", ""))
        raise TokenRefused("unsupported_grant_type", f"Invalid grant_type: {kind}")

    def _reply(self, issued: Issued) -> dict[str, Any]:
        reply: dict[str, Any] = {
            "access_token": issued.access_token,
            "expires_in": int(self._grants.lifetime),
            "scope": " ".join(sorted(issued.scopes)),
            "token_type": "Bearer",
        }
        return {**reply, "refresh_token": issued.refresh_token} if issued.refresh_token else reply

    def _client(self, request: web.Request, form: Mapping[str, str]) -> OAuthClient | None:
        client_id, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        client = self._grants.clients.get(client_id)
        return client if client is not None and client.secret == secret else None

    async def _revoke(self, request: web.Request) -> web.Response:
        token = str((await request.post()).get("token", ""))
        if not self._grants.revoke(token):
            return _refused("invalid_token", "Token expired or revoked")
        return web.json_response({})


def _registered(client: OAuthClient, redirect_uri: str) -> bool:
    return bool(redirect_uri) and (not client.redirect_uris or redirect_uri in client.redirect_uris)


def _input(kind: str, name: str, value: str) -> str:
    checked = " checked" if kind == "checkbox" else ""
    return f'<input type="{kind}" name="{name}" value="{escape(value, quote=True)}"{checked}>'


def _back(fields: Mapping[str, str], answer: Mapping[str, str]) -> web.Response:
    state = {"state": fields["state"]} if fields["state"] else {}
    target = URL(fields["redirect_uri"]).update_query({**state, **answer})
    return web.Response(status=302, headers={"Location": str(target)})


def _refused(error: str, description: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


def _basic(request: web.Request) -> tuple[str, str] | None:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return None
    try:
        name, _, secret = base64.b64decode(text).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret
