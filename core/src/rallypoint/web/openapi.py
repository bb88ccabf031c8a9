"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1): a pure function of the route table.

Routes are data already, so nothing has to be found out from decorated views; quart-schema, which does that,
takes 0.6 s to import and validates replies on the hot path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from rallypoint.events.types import EventType
from rallypoint.web.envelopes import BY_NAME, Envelope, Envelopes
from rallypoint.web.routing import VARIABLE, Access, HeaderKey, Route

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_LIMIT_HEADERS = {
    "X-RateLimit-Limit": "Requests allowed in the present window",
    "X-RateLimit-Remaining": "Requests left in it",
    "X-RateLimit-Reset": "When it ends, in seconds since the epoch",
}
_HEADERS: Json = {
    **{
        name: {"description": text, "schema": {"type": "integer", "minimum": 0}}
        for name, text in _LIMIT_HEADERS.items()
    },
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}},
    "X-Request-Id": {"description": "Names this request in the server's logs", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate", "schema": {"type": "string"}},
    "Idempotency-Replayed": {"description": "Present on a replayed reply", "schema": {"const": "true"}},
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and body sent again within a day get the first reply; other bodies 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_BEARER: Json = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token or a personal API key",
}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def document(
    routes: Sequence[Route],
    envelopes: Envelopes,
    limited: Callable[[str], bool],
    *,
    version: str,
    events: Sequence[EventType] = (),
    server: str = "",
) -> Json:
    """Return the document.

    Args:
        routes: What to describe.
        envelopes: Give errors their shapes.
        limited: Whether a named limit is in force.
        version: Of the server.
        events: Those with a payload become ``webhooks``.
        server: Its public URL; empty for the URL the document was read from.
    """
    sent = [event for event in events if event.payload is not None and event.webhooks]
    schemas = _Schemas(routes, sent)
    paths: Json = {}
    for route in routes:
        operation = _operation(route, envelopes.of(route.path), limited(route.limit), schemas)
        paths.setdefault(VARIABLE.sub(r"{\1}", route.path), {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rallypoint", "version": version, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": server or "/"}],
        "paths": paths,
        "webhooks": {event.name: {"post": _webhook(event, schemas)} for event in sent},
        "components": {
            "schemas": {**schemas.components, **_error_schemas()},
            "responses": _error_responses(routes, envelopes, limited),
            "headers": _HEADERS,
            "securitySchemes": {"bearer": _BEARER, **{_scheme(key): _key(key) for key in _keys(routes)}},
        },
        "tags": [{"name": tag} for tag in sorted({route.tag for route in routes if route.tag})],
    }


class _Schemas:
    """JSON schemas of all models, made in one go so that equal names are told apart."""

    def __init__(self, routes: Iterable[Route], events: Iterable[EventType]) -> None:
        wanted: dict[tuple[type[BaseModel], Literal["validation", "serialization"]], None] = {}
        for route in routes:
            taken = [model for model in (route.body, route.query) if model is not None]
            wanted.update(dict.fromkeys((model, "validation") for model in taken))
            sent = [model for model in route.replies.values() if model is not None]
            wanted.update(dict.fromkeys((model, "serialization") for model in sent))
        for event in events:
            if event.payload is not None:
                wanted[(event.payload, "serialization")] = None
        self._refs, definitions = models_json_schema(list(wanted), ref_template=_SCHEMAS + "{model}")
        self.components: Json = definitions.get("$defs", {})

    def taken(self, model: type[BaseModel]) -> Json:
        """Return a reference to what a request sends."""
        return dict(self._refs[(model, "validation")])

    def sent(self, model: type[BaseModel]) -> Json:
        """Return a reference to what a reply or delivery carries."""
        return dict(self._refs[(model, "serialization")])

    def definition(self, model: type[BaseModel]) -> Json:
        """Return the schema of what a request sends, itself."""
        found: Json = self.components[self.taken(model)["$ref"].removeprefix(_SCHEMAS)]
        return found


def error_statuses(route: Route, envelope: Envelope, limited: bool) -> set[int]:
    """Return every status a route may answer with an error."""
    statuses = {500, 503, *(envelope.invalid if status == 400 else status for status in route.errors)}
    statuses |= set(route.errors)
    if route.access is not Access.PUBLIC:
        statuses.add(401)
    if route.access is Access.OPERATOR:
        statuses.add(403)
    if limited:
        statuses.add(429)
    if VARIABLE.search(route.path):
        statuses.add(404)
    if route.method in _WITH_BODY:
        statuses |= {408, 413}
    if route.body is not None:
        statuses |= {400, 415, envelope.invalid}
    if route.query is not None:
        statuses |= {400, envelope.invalid}
    if route.idempotent:
        statuses |= {409, envelope.invalid}
    return statuses


def _operation(route: Route, envelope: Envelope, limited: bool, schemas: _Schemas) -> Json:
    responses = {str(status): _reply(route, status, limited, schemas) for status in route.replies}
    for status in sorted(error_statuses(route, envelope, limited) - set(route.replies)):
        responses[str(status)] = {"$ref": f"#/components/responses/{envelope.name}.{status}"}
    operation: Json = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag] if route.tag else [],
        "parameters": _parameters(route, schemas),
        "responses": responses,
        "security": _security(route),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": bool(schemas.definition(route.body).get("required")),
            "content": {"application/json": {"schema": schemas.taken(route.body)}},
        }
    return operation


def _security(route: Route) -> list[Json]:
    if route.access is Access.PUBLIC:
        return []
    return [{"bearer" if route.key is None else _scheme(route.key): []}]


def _keys(routes: Iterable[Route]) -> Iterable[HeaderKey]:
    return {route.key.header: route.key for route in routes if route.key is not None}.values()


def _scheme(key: HeaderKey) -> str:
    return key.header.lower()


def _key(key: HeaderKey) -> Json:
    return {"type": "apiKey", "in": "header", "name": key.header, "description": key.summary}


def _operation_id(route: Route) -> str:
    return "_".join([route.method.lower(), *re.findall(r"\w+", route.path)])


def _parameters(route: Route, schemas: _Schemas) -> list[Json]:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in VARIABLE.findall(route.path)
    ]
    if route.query is not None:
        definition = schemas.definition(route.query)
        required = definition.get("required", ())
        for name, schema in definition.get("properties", {}).items():
            parameters.append(_query(name, schema, name in required))
    if route.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    return parameters


def _query(name: str, schema: Mapping[str, Any], required: bool) -> Json:
    kept = {key: value for key, value in schema.items() if key != "title"}
    if "anyOf" in kept:  # a query string has no null
        choices = [choice for choice in kept.pop("anyOf") if choice != {"type": "null"}]
        kept = {**kept, **(choices[0] if len(choices) == 1 else {"anyOf": choices})}
        if kept.get("default", "") is None:
            del kept["default"]
    return {"name": name, "in": "query", "required": required, "schema": kept}


def _reply(route: Route, status: int, limited: bool, schemas: _Schemas) -> Json:
    names = ["X-Request-Id", *(_LIMIT_HEADERS if limited else ())]
    if route.idempotent:
        names.append("Idempotency-Replayed")
    reply: Json = {"description": HTTPStatus(status).phrase, "headers": _header_refs(names)}
    model = route.replies[status]
    if model is not None:
        reply["content"] = {"application/json": {"schema": schemas.sent(model)}}
    return reply


def _header_refs(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _error_schema_name(envelope: Envelope) -> str:
    return f"{envelope.name.capitalize()}Error"


def _error_schemas() -> Json:
    return {_error_schema_name(envelope): envelope.schema for envelope in BY_NAME.values()}


def _error_responses(routes: Iterable[Route], envelopes: Envelopes, limited: Callable[[str], bool]) -> Json:
    responses: Json = {}
    for route in routes:
        envelope = envelopes.of(route.path)
        for status in error_statuses(route, envelope, limited(route.limit)):
            responses[f"{envelope.name}.{status}"] = _error_response(envelope, status)
    return dict(sorted(responses.items()))


def _error_response(envelope: Envelope, status: int) -> Json:
    names = ["X-Request-Id"]
    names += {401: ["WWW-Authenticate"], 429: [*_LIMIT_HEADERS, "Retry-After"]}.get(status, [])
    schema = {"$ref": _SCHEMAS + _error_schema_name(envelope)}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": _header_refs(names),
        "content": {"application/json": {"schema": schema}},
    }


def _webhook(event: EventType, schemas: _Schemas) -> Json:
    assert event.payload is not None
    return {
        "summary": event.summary,
        "operationId": "webhook_" + re.sub(r"\W", "_", event.name),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schemas.sent(event.payload)}},
        },
        "responses": {
            "2XX": {"description": "Taken; any other status is retried, but for 410, which unsubscribes"}
        },
        "security": [],
    }
