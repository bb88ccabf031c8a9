"""Replies as they go to the server: status, encoded headers, bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel
from werkzeug.http import dump_cookie

from rallypoint.errors import ApiError
from rallypoint.web.envelopes import Envelope
from rallypoint.web.routing import Cookie, Reply

Header = tuple[bytes, bytes]

JSON = b"application/json"

_FORBIDDEN = re.compile(r"[\r\n\0]")


class Answer(NamedTuple):
    """What is sent."""

    status: int
    headers: list[Header]
    body: bytes


def encode(body: BaseModel | Mapping[str, Any] | Sequence[Any] | bytes | None) -> bytes:
    """Return a reply's body as bytes; models by their aliases, as the OpenAPI document shows them."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, BaseModel):
        return body.__pydantic_serializer__.to_json(body, by_alias=True)
    return b"" if body is None else orjson.dumps(body, default=_model)


def _model(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def of_reply(reply: Reply, extra: Sequence[Header] = ()) -> Answer:
    """Return a handler's reply, ready to be sent."""
    body = encode(reply.body)
    headers = [(b"content-length", b"%d" % len(body)), *extra]
    if body:
        kind = JSON if reply.content_type == "application/json" else reply.content_type.encode("latin-1")
        headers.append((b"content-type", kind))
    if reply.headers:
        headers += encoded(reply.headers)
    headers += [(b"set-cookie", _set_cookie(cookie)) for cookie in reply.cookies]
    return Answer(reply.status, headers, body)


def of_error(error: ApiError, envelope: Envelope, extra: Sequence[Header] = ()) -> Answer:
    """Return an error in its envelope; ``Retry-After`` and the like come with it."""
    status, content = envelope.error(error)
    headers = {**envelope.headers, **error.headers}
    return of_reply(Reply(content, status, headers, envelope.content_type), extra)


def _set_cookie(cookie: Cookie) -> bytes:
    return dump_cookie(
        cookie.name,
        cookie.value,
        cookie.max_age,
        path=cookie.path,
        secure=cookie.secure,
        httponly=True,
        samesite="Lax",
    ).encode("latin-1")


def encoded(headers: Mapping[str, str]) -> list[Header]:
    """Return headers as ASGI wants them: names in lower case, Latin-1.

    Raises:
        ValueError: One cannot be sent, or would begin another header: servers do not check.
    """
    if any(_FORBIDDEN.search(value) for value in headers.values()):
        raise ValueError("a header's value may not contain a line break or U+0000")
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
