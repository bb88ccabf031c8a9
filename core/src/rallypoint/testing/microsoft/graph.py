"""Graph over HTTP: whose token it is, what it opens, what is asked and how it is answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from rallypoint.testing.microsoft.errors import Refusal, invalid
from rallypoint.testing.microsoft.view import Preferences
from rallypoint.testing.oauth_books import Grant

BASE = "/v1.0"
_AT_ONCE = 4
"""How many requests of one mailbox Outlook serves at a time (learn.microsoft.com/graph/throttling-limits)."""


class Described(Protocol):
    """Microsoft's own description of Graph, by which requests and replies are checked."""

    def request_problems(self, method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
        """Return what is wrong with a request, ``path`` below the base."""
        ...

    def reply_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Return what is wrong with a reply of the fake's."""
        ...


@dataclass(frozen=True, slots=True)
class GraphCall:
    """A request that Graph would not refuse at first sight."""

    email: str
    variables: Mapping[str, str]
    query: dict[str, str]
    body: Any
    headers: Mapping[str, str]
    wanted: Preferences


Handler = Callable[[GraphCall], Awaitable[tuple[int, Any]]]


class Graph:
    """Serves the API.

    Args:
        grant_of: Returns whose token a request carries; raises ``web.HTTPUnauthorized``.
        described: Checks requests and replies, if given.

    Attributes:
        problems: What was wrong with requests, by the description; tests demand that there is nothing.
        at_once: The most requests of one mailbox that were served at a time.
    """

    def __init__(self, grant_of: Callable[[web.Request], Grant], described: Described | None = None) -> None:
        self._grant_of, self._described = grant_of, described
        self.problems: list[str] = []
        self.at_once = 0
        self._busy: dict[str, int] = {}

    def route(self, method: str, path: str, scope: str, handler: Handler) -> web.RouteDef:
        """Return a route.

        Args:
            method: Of HTTP.
            path: Below the base, variables as ``{name}``.
            scope: What a token must have been granted.
            handler: Answers with a status and a body; raises ``Refusal``.
        """

        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                return await self._serve(request, scope, handler)
            except Refusal as refusal:
                return refusal.response()

        return web.route(method, BASE + path, serve)

    async def _serve(self, request: web.Request, scope: str, handler: Handler) -> web.Response:
        grant = self._grant(request)
        if scope not in {one.rpartition("/")[2] for one in grant.scopes}:
            raise Refusal(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        path, query, body = request.path.removeprefix(BASE), dict(request.query), await _body(request)
        self._check_request(request.method, path, query, body)
        wanted = Preferences.of(request.headers.get("Prefer", ""))
        call = GraphCall(grant.email, request.match_info, query, body, request.headers, wanted)
        status, reply = await self._in_turn(grant.email, handler, call)
        self._check_reply(request.method, path, status, reply)
        return web.Response(status=status) if reply is None else web.json_response(reply, status=status)

    async def _in_turn(self, email: str, handler: Handler, call: GraphCall) -> tuple[int, Any]:
        busy = self._busy[email] = self._busy.get(email, 0) + 1
        self.at_once = max(self.at_once, busy)
        try:
            if busy > _AT_ONCE:
                raise Refusal(
                    429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."
                )
            return await handler(call)
        finally:
            self._busy[email] -= 1

    def _grant(self, request: web.Request) -> Grant:
        try:
            return self._grant_of(request)
        except web.HTTPUnauthorized:
            raise Refusal(
                401, "InvalidAuthenticationToken", "Access token is empty or has expired."
            ) from None

    def _check_request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> None:
        if self._described is None:
            return
        found = self._described.request_problems(method, path, query, body)
        self.problems += [f"{method} {path}: {one}" for one in found]
        if found:
            raise invalid("; ".join(found), "BadRequest")

    def _check_reply(self, method: str, path: str, status: int, body: Any) -> None:
        if self._described is not None:
            found = self._described.reply_problems(method, path, status, body)
            self.problems += [f"the fake answers {method} {path} wrongly: {one}" for one in found]


async def _body(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return None
    if request.content_type != "application/json":
        raise Refusal(415, "RequestBodyRead", f"Unsupported content: {request.content_type}")
    try:
        return json.loads(raw)
    except ValueError:
        raise invalid("Unable to read JSON request payload.", "BadRequest") from None
