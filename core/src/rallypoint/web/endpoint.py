"""A Route made ready to serve: principal → limit → validation → idempotency → handler → reply."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from rallypoint.errors import ApiError
from rallypoint.identity.api import Authenticator, Principal
from rallypoint.web import answers
from rallypoint.web.answers import Answer, Header
from rallypoint.web.authentication import limit_key, principal_of, principal_of_key
from rallypoint.web.envelopes import Envelope
from rallypoint.web.errors import internal
from rallypoint.web.idempotency import Idempotency, repeat_id
from rallypoint.web.limits import Limiter
from rallypoint.web.requests import Disconnected, Receive, parse_body, parse_form, parse_query, read_body
from rallypoint.web.routing import Access, Call, Handler, Route

Scope = MutableMapping[str, Any]

_WITHOUT_BODY = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Services:
    """What every endpoint needs."""

    authenticator: Authenticator
    limiter: Limiter
    idempotency: Idempotency


class Endpoint:
    """Serves one route.

    Args:
        route: What it serves.
        handler: The route's own, or one wrapped around it.
        envelope: Of the route's path.
        services: Shared by all endpoints.
    """

    def __init__(self, route: Route, handler: Handler, envelope: Envelope, services: Services) -> None:
        self.route = route
        self._handler = handler
        self._envelope = envelope
        self._authenticator = services.authenticator
        self._limiter = services.limiter
        self._idempotency = services.idempotency
        self._reads_body = route.method not in _WITHOUT_BODY
        self._repeatable = route.idempotent and route.access is not Access.PUBLIC

    async def __call__(self, scope: Scope, receive: Receive, variables: Mapping[str, str]) -> Answer:
        """Return the answer to a request; errors of every kind become one."""
        extra: list[Header] = []
        try:
            return await self._serve(scope, receive, variables, extra)
        except ApiError as error:
            return answers.of_error(error, self._envelope, _without(extra, error))
        except Disconnected:
            raise
        except Exception as error:
            told = internal(error, method=scope["method"], path=scope["path"])
            return answers.of_error(told, self._envelope, extra)

    async def _serve(
        self, scope: Scope, receive: Receive, variables: Mapping[str, str], extra: list[Header]
    ) -> Answer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        principal = await self._caller(headers)
        client = scope["client"][0] if scope.get("client") else ""
        await self._limit(principal, client, extra)
        raw = await read_body(receive) if self._reads_body else b""
        call = Call(principal, client, headers, raw, scope.get("rallypoint.request_id", ""))
        if self.route.outside and principal is not None:
            call = replace(call, repeat_id=repeat_id(call, self.route.method, scope["path"]))
        arguments = self._arguments(call, variables, scope["query_string"])
        if self._repeatable and "idempotency-key" in headers:
            reply = await self._idempotency.once(
                call,
                self.route.method,
                scope["path"],
                lambda: self._handler(call, **arguments),
                outside=self.route.outside,
            )
        else:
            reply = await self._handler(call, **arguments)
        return answers.of_reply(reply, extra)

    async def _caller(self, headers: Mapping[str, str]) -> Principal | None:
        if (key := self.route.key) is not None:
            return await principal_of_key(key, headers)
        return await principal_of(
            self._authenticator, self.route.access, headers, bare=self._envelope.bare_token
        )

    async def _limit(self, principal: Principal | None, client: str, extra: list[Header]) -> None:
        # What is public is counted by address even for who is known: many tokens must not multiply a limit.
        counted = None if self.route.access is Access.PUBLIC else principal
        verdict = await self._limiter.hit(self.route.limit, limit_key(counted, client))
        if verdict is not None:
            extra += answers.encoded(verdict.headers)
            verdict.require()

    def _arguments(self, call: Call, variables: Mapping[str, str], query: bytes) -> dict[str, Any]:
        arguments: dict[str, Any] = dict(variables)
        if self.route.query is not None:
            arguments["query"] = parse_query(self.route.query, query)
        if self.route.body is not None:
            arguments["body"] = parse_body(self.route.body, call.raw, call.headers.get("content-type"))
        if self.route.form is not None:
            arguments["form"] = parse_form(self.route.form, call.raw, call.headers.get("content-type"))
        return arguments


def _without(extra: list[Header], error: ApiError) -> list[Header]:
    """Leave out what the error says itself, so that no header comes twice."""
    said = {name.lower().encode("latin-1") for name in error.headers}
    return [header for header in extra if header[0] not in said]
