"""From bytes to what a handler takes: the body, the query string, and a message for each wrong field."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from rallypoint.errors import ApiError, BadRequest, UnsupportedMediaType, ValidationFailed

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_FIELDS = 100
BODY_TIMEOUT = 60.0


class TooSlow(ApiError):
    """The body does not arrive."""

    status, code = 408, "TIMEOUT"


class Disconnected(Exception):
    """The client went away before its request was whole."""


async def read_body(receive: Receive) -> bytes:
    """Return the whole body; its size is bounded by the middleware.

    Raises:
        Disconnected: It ended early.
        TooSlow: It takes longer than a minute.
    """
    head, more = await _chunk(receive)
    if not more:
        return head
    chunks = [head]
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while more:
                chunk, more = await _chunk(receive)
                chunks.append(chunk)
    except TimeoutError:
        raise TooSlow("The body takes too long to arrive") from None
    return b"".join(chunks)


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)


def parse_body(model: type[BaseModel], raw: bytes, content_type: str | None) -> BaseModel:
    """Return a JSON body as its model; an absent one counts as ``{}``.

    Raises:
        UnsupportedMediaType: The client says that it is not JSON.
        BadRequest: It is no JSON object.
        ValidationFailed: Its fields are wrong.
    """
    if raw and content_type is not None and not _is_json(content_type):
        raise UnsupportedMediaType("The body must be JSON: Content-Type: application/json")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise _refusal(error) from None


def parse_query(model: type[BaseModel], query: bytes) -> BaseModel:
    """Return a query string as its model; of a repeated field the last value counts.

    Raises:
        ValidationFailed: Its fields are wrong.
        BadRequest: It has far too many.
    """
    return _of_pairs(model, query, "The query string")


def parse_form(model: type[BaseModel], raw: bytes, content_type: str | None) -> BaseModel:
    """Return what an HTML form sent as its model; of a repeated field the last value counts.

    Raises:
        UnsupportedMediaType: It is not ``application/x-www-form-urlencoded``.
        ValidationFailed: Its fields are wrong.
        BadRequest: It has far too many.
    """
    if (content_type or "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("The body must be a form's: application/x-www-form-urlencoded")
    return _of_pairs(model, raw, "The form")


def _of_pairs(model: type[BaseModel], encoded: bytes, what: str) -> BaseModel:
    try:
        pairs = parse_qsl(encoded.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadRequest(f"{what} may have {MAX_FIELDS} fields") from None
    try:
        return model.model_validate_strings(dict(pairs))
    except ValidationError as error:
        raise _refusal(error) from None


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _refusal(error: ValidationError) -> ApiError:
    fields: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        if problem["type"] == "json_invalid":
            return BadRequest("The body is not valid JSON")
        if problem["type"] == "model_type" and not problem["loc"]:
            return BadRequest("The body must be a JSON object")
        path = ".".join(str(part) for part in problem["loc"]) or "body"
        fields.setdefault(path, []).append(problem["msg"].removeprefix("Value error, "))
    return ValidationFailed(fields)
