"""A strict OAuth server for tests: consent page, PKCE, single-use codes, rotating refresh tokens, revocation.

Faults are those of every provider fake: ``fake.fail(503, path="/token")``, or ``fake.fail(cut=True, path="/token")``,
which does the work and loses the reply.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import aiohttp
from aiohttp import web

from rallypoint.testing.fakes import ProviderFake, Recorded
from rallypoint.testing.oauth_books import Books, Grant, OAuthError

_CHALLENGE = re.compile(r"[\w-]{43}", re.ASCII)
_FORM = '<form method="post" action="/decide">{hidden}<button name="email" value="{email}">{label}</button></form>'
_ASKED = ("redirect_uri", "state", "scope", "code_challenge")


class OAuthFake(ProviderFake):
    """A provider that people connect by consent; further routes may be added by a subclass.

    Attributes:
        books: What was issued; ``books.end(email)`` is somebody taking a consent back at the provider.
        people: Who may be chosen on the consent page.
        client_id: Of the one client that is known.
        client_secret: Of that client.
        redirect_uris: Where users may be sent back to; None for anywhere.
    """

    def __init__(self, *, rotating: bool = True, lifetime: float = 3600.0) -> None:
        super().__init__()
        self.books = Books(rotating=rotating, lifetime=lifetime)
        self.people = ["alice@example.com", "bob@example.com"]
        self.client_id, self.client_secret = "client-id", "client-secret"
        self.redirect_uris: list[str] | None = None

    def routes(self) -> Iterable[web.RouteDef]:
        """Return those of an authorisation server, and ``/me`` of its API."""
        return [
            web.get("/authorize", self._page),
            web.post("/decide", self._decide),
            web.post("/token", self._token),
            web.post("/revoke", self._revoke),
            web.get("/me", self._me),
        ]

    def token_requests(self, grant_type: str) -> list[Recorded]:
        """Return what ``/token`` was asked with one grant, oldest first."""
        found = self.received("POST", "/token")
        return [one for one in found if dict(parse_qsl(one.body.decode())).get("grant_type") == grant_type]

    def bearer(self, request: web.Request) -> Grant:
        """Return whose token a request carries, for the routes of a subclass.

        Raises:
            web.HTTPUnauthorized: It carries none that holds (RFC 6750 §3.1).
        """
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self.books.who(token) if kind == "Bearer" else None
        if grant is None:
            raise web.HTTPUnauthorized(
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
                text='{"error": {"code": 401, "status": "UNAUTHENTICATED"}}',
                content_type="application/json",
            )
        return grant

    async def _me(self, request: web.Request) -> web.Response:
        grant = self.bearer(request)
        return web.json_response({"id": f"id-of-{grant.email}", "email": grant.email})

    async def _page(self, request: web.Request) -> web.Response:
        if wrong := self._wrong_question(request):
            return web.Response(status=400, text=wrong)
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(request.query[name])}">'
            for name in _ASKED
        )
        choices = [
            *((html.escape(email), f"Allow {html.escape(email)}") for email in self.people),
            ("", "Deny"),
        ]
        page = "".join(_FORM.format(hidden=hidden, email=email, label=label) for email, label in choices)
        return web.Response(text=f"<!doctype html><title>Consent</title>{page}", content_type="text/html")

    def _wrong_question(self, request: web.Request) -> str:
        asked = request.query
        if asked.get("client_id") != self.client_id:
            return "client_id is unknown"
        if self.redirect_uris is not None and asked.get("redirect_uri") not in self.redirect_uris:
            return "redirect_uri is not registered"
        if asked.get("response_type") != "code" or any(name not in asked for name in _ASKED):
            return f"response_type must be code, and none of {', '.join(_ASKED)} may lack"
        if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked["code_challenge"]):
            return "code_challenge must be one of S256"
        return ""

    async def _decide(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer = {"state": form["state"]}
        if form["email"] in self.people:
            scopes = tuple(form["scope"].split())
            code = self.books.code(form["email"], scopes, form["code_challenge"], form["redirect_uri"])
            answer["code"] = code
        else:
            answer["error"] = "access_denied"
        raise web.HTTPFound(f"{form['redirect_uri']}?{urlencode(answer)}")

    async def _token(self, request: web.Request) -> web.Response:
        try:
            form = self._form(request, await request.text())
            self._know_client(request, form)
            return web.json_response(self._granted(form), headers={"Cache-Control": "no-store"})
        except OAuthError as error:
            said = {"error": error.error, "error_description": error.why}
            return web.json_response(said, status=error.status)

    def _granted(self, form: dict[str, str]) -> dict[str, object]:
        match form.get("grant_type"):
            case "authorization_code":
                return self.books.exchange(form)
            case "refresh_token":
                return self.books.refresh(form)
            case "client_credentials":
                return self.books.app_token()
            case "account_credentials" if form.get("account_id"):
                return self.books.app_token()
        raise OAuthError("unsupported_grant_type", form.get("grant_type", "none"))

    async def _revoke(self, request: web.Request) -> web.Response:
        try:
            form = self._form(request, await request.text())
        except OAuthError as error:
            return web.json_response({"error": error.error}, status=error.status)
        self.books.revoke(form.get("token", ""))
        return web.Response()

    @staticmethod
    def _form(request: web.Request, body: str) -> dict[str, str]:
        """Return a form's fields, none of them twice (RFC 6749 §3.2)."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise OAuthError("invalid_request", "the body is no form")
        fields = parse_qs(body, keep_blank_values=True)
        if any(len(values) > 1 for values in fields.values()):
            raise OAuthError("invalid_request", "a field comes twice")
        return {name: values[0] for name, values in fields.items()}

    def _know_client(self, request: web.Request, form: dict[str, str]) -> None:
        """Take the client's word in one of two ways, and not in both (RFC 6749 §2.3)."""
        kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
        said = (form.get("client_id", ""), form.get("client_secret", ""))
        if kind == "Basic" and "client_secret" in form:
            raise OAuthError("invalid_request", "the client says who it is twice")
        if kind == "Basic":
            name, _, secret = base64.b64decode(encoded).decode().partition(":")
            said = (name, secret)
        if said != (self.client_id, self.client_secret):
            raise OAuthError("invalid_client", "unknown client", 401)


async def consent(url: str, email: str = "alice@example.com", *, scopes: str | None = None) -> str:
    """Go through a consent page as a browser does, and return the URL that it sends the user back to.

    Args:
        url: Of the page.
        email: Who consents; empty to deny.
        scopes: What is ticked, of what was asked; all when left out.
    """
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            text = await page.text()
            if page.status != 200:
                raise RuntimeError(f"the consent page answered {page.status}: {text}")
        hidden = {
            name: html.unescape(value)
            for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text)
        }
        if scopes is not None:
            hidden["scope"] = scopes
        action = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/decide"
        async with browser.post(action, data={**hidden, "email": email}, allow_redirects=False) as answer:
            return answer.headers["Location"]


def handed_back(url: str) -> dict[str, str]:
    """Return the query of the URL that a provider sent a user back to: ``state``, and ``code`` or ``error``."""
    return dict(parse_qsl(urlsplit(url).query))


if __name__ == "__main__":
    OAuthFake.main()
