"""A Postman collection (format 2.1.0, https://schema.postman.com) made from the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_VARIABLE = re.compile(r"\{(\w+)\}")
_MAX_DEPTH = 6


def collection(document: Mapping[str, Any], base_url: str) -> Json:
    """Return the collection; its variables ``baseUrl`` and ``token`` are the user's to set.

    Args:
        document: From :func:`rallypoint.web.openapi.document`.
        base_url: Initial value of ``baseUrl``.
    """
    folders: dict[str, list[Json]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            folder = next(iter(operation["tags"]), "server")
            folders.setdefault(folder, []).append(_item(document, path, method, operation))
    return {
        "info": {"name": document["info"]["title"], "schema": SCHEMA, "version": document["info"]["version"]},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": "baseUrl", "value": base_url}, {"key": "token", "value": ""}],
        "item": [{"name": name, "item": items} for name, items in sorted(folders.items())],
    }


def _item(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Json:
    request: Json = {"method": method.upper(), "header": [], "url": _url(path, operation)}
    if not operation["security"]:
        request["auth"] = {"type": "noauth"}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        request["header"] = [{"key": "Content-Type", "value": "application/json"}]
        example = json.dumps(_example(document, schema, 0), indent=2)
        request["body"] = {"mode": "raw", "raw": example, "options": {"raw": {"language": "json"}}}
    return {"name": operation["summary"], "request": request, "response": []}


def _url(path: str, operation: Mapping[str, Any]) -> Json:
    parts = _VARIABLE.sub(r":\1", path).strip("/").split("/")
    query = [
        {"key": parameter["name"], "value": "", "disabled": not parameter["required"]}
        for parameter in operation["parameters"]
        if parameter["in"] == "query"
    ]
    variables = [{"key": name, "value": ""} for name in _VARIABLE.findall(path)]
    raw = "{{baseUrl}}/" + "/".join(parts)
    return {"raw": raw, "host": ["{{baseUrl}}"], "path": parts, "query": query, "variable": variables}


def _example(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Any:
    """Return a value of the schema: what it gives itself, else the plainest one."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
    for given in ("default", "const"):
        if given in schema:
            return schema[given]
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    for choices in ("anyOf", "oneOf", "allOf"):
        if schema.get(choices):
            return _example(document, schema[choices][0], depth)
    if schema.get("type") == "object" and depth < _MAX_DEPTH:
        properties = schema.get("properties", {})
        return {name: _example(document, each, depth + 1) for name, each in properties.items()}
    plain = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
    return plain.get(str(schema.get("type")))
