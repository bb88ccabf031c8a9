"""Serves the methods of a discovery document: token, scopes, parameters, body and our own reply are checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from rallypoint.testing.google import fields
from rallypoint.testing.google.discovery import Document, Method
from rallypoint.testing.google.errors import Refusal, invalid
from rallypoint.testing.google.grants import Access, Grants


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request that Google would not refuse at first sight.

    Args:
        email: Of the user whose token it carries.
        path: Variables of the path.
        query: First value of each parameter.
        repeated: All values of each parameter.
        body: Parsed JSON, ``{}`` for none.
        headers: As sent.
    """

    email: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    repeated: Mapping[str, list[str]]
    body: dict[str, Any]
    headers: Mapping[str, str]

    def flag(self, name: str) -> bool:
        """Return a boolean parameter, false when it is not given."""
        return self.query.get(name) == "true"

    def number(self, name: str, default: int) -> int:
        """Return an integer parameter."""
        return int(self.query.get(name, default))


Handler = Callable[[ApiCall], Any]


class Api:
    """One API of Google's.

    Args:
        described: Its discovery document.
        grants: Knows whose token is whose.
        handlers: By method id; what is left out answers 501.
    """

    def __init__(self, described: Document, grants: Grants, handlers: Mapping[str, Handler]) -> None:
        self._described = described
        self._grants = grants
        self._handlers = handlers

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        try:
            return await self._serve(request)
        except Refusal as refusal:
            return refusal.response()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        access = self._access(request)
        method, variables = self._described.find(request.method, request.rel_url.raw_path)
        _check_scopes(method, access)
        self._described.check_query(method, list(request.query.items()))
        body = await _body(request)
        self._described.check_body(method, body)
        handler = self._handlers.get(method.id)
        if handler is None:
            raise Refusal(501, "notImplemented", f"the fake does not play {method.id}")
        call = ApiCall(
            access.email,
            variables,
            dict(request.query),
            {name: request.query.getall(name) for name in request.query},
            body or {},
            request.headers,
        )
        return self._reply(method, call, handler(call))

    def _reply(self, method: Method, call: ApiCall, reply: Any) -> web.Response:
        if isinstance(reply, web.Response):
            return reply
        self._described.check_reply(method, reply)
        if reply is None:
            return web.Response(status=204)
        if "fields" in call.query:
            reply = fields.select(reply, fields.parse(call.query["fields"]))
        etag = reply.get("etag")
        return web.json_response(reply, headers={"ETag": etag} if etag else {})

    def _access(self, request: web.Request) -> Access:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        access = self._grants.access(token) if scheme == "Bearer" else None
        if access is None:
            raise Refusal(401, "authError", "Invalid Credentials", location="Authorization")
        return access


def _check_scopes(method: Method, access: Access) -> None:
    if not method.scopes & access.scopes:
        raise Refusal(403, "insufficientPermissions", "Request had insufficient authentication scopes.")


async def _body(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return None
    if request.content_type != "application/json":
        raise Refusal(400, "badContent", f"Unsupported content with type: {request.content_type}")
    try:
        return json.loads(raw)
    except ValueError:
        raise Refusal(400, "parseError", "Parse Error") from None


def missing(what: str) -> Refusal:
    """Return the refusal of a request for something that is not there."""
    return Refusal(404, "notFound", what)


__all__ = ["Api", "ApiCall", "Handler", "invalid", "missing"]
