"""Checks a value against a schema of a discovery document.

Its dialect is JSON Schema draft 3 with formats of its own and ``$ref`` by name, so validators of later drafts
do not read it: https://developers.google.com/discovery/v1/type-format
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

Schema = Mapping[str, Any]
_WHOLE = re.compile(r"-?\d{1,20}")
_RANGES = {"int32": (-(2**31), 2**31), "uint32": (0, 2**32), "int64": (-(2**63), 2**63), "uint64": (0, 2**64)}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


def problems(value: Any, schema: Schema, schemas: Mapping[str, Schema], where: str = "") -> Iterator[str]:
    """Yield what is wrong with ``value``, one sentence for each place.

    Args:
        value: Parsed JSON.
        schema: What it should be.
        schemas: By name, for ``$ref``.
        where: Path of the value, for the sentences.
    """
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "any":
        return
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{where or 'the body'} must be {kind}"
        return
    if isinstance(value, dict):
        yield from _members(value, schema, schemas, where)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from problems(item, schema["items"], schemas, f"{where}[{number}]")
    else:
        yield from _scalar(value, schema, where)


def _members(
    value: Mapping[str, Any], schema: Schema, schemas: Mapping[str, Schema], where: str
) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, member in value.items():
        inner = properties.get(name, others)
        path = f"{where}.{name}" if where else name
        if inner is None:
            yield f"{path} is unknown"
        elif member is not None:  # null clears a field
            yield from problems(member, inner, schemas, path)


def _scalar(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} must be one of {', '.join(schema['enum'])}"
    if not _formatted(value, schema.get("format", "")):
        yield f"{where} must be {schema['format']}"
    if "minimum" in schema and int(value) < int(schema["minimum"]):
        yield f"{where} must be at least {schema['minimum']}"
    if "maximum" in schema and int(value) > int(schema["maximum"]):
        yield f"{where} must be at most {schema['maximum']}"


def _formatted(value: Any, form: str) -> bool:
    if form in _RANGES:
        low, high = _RANGES[form]
        return _WHOLE.fullmatch(str(value)) is not None and low <= int(value) < high
    try:
        if form == "date-time":
            datetime.fromisoformat(value)
        elif form == "date":
            date.fromisoformat(value)
        elif form == "byte":
            base64.b64decode(value, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return False
    return True


def parameter(text: str, declared: Schema, name: str) -> Iterator[str]:
    """Yield what is wrong with a value of the query, which is text whatever its type."""
    kind = declared["type"]
    value: Any = text
    if kind == "integer":
        if not _WHOLE.fullmatch(text):
            yield f"{name} must be integer"
            return
        value = int(text)
    elif kind == "boolean":
        if text not in ("true", "false"):
            yield f"{name} must be true or false"
        return
    yield from _scalar(value, {key: declared[key] for key in declared if key != "type"}, name)
