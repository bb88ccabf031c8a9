"""A client that speaks ASGI to an application, byte for byte."""

from __future__ import annotations

import json as json_
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rallypoint.web.middleware import AsgiApp

BEARER = {"authorization": "Bearer user-token"}


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json_.loads(self.body)


async def ask(
    app: AsgiApp,
    method: str,
    target: str,
    *,
    json: Any = None,
    body: bytes | Sequence[bytes] = b"",
    headers: dict[str, str] | None = None,
    client: str = "203.0.113.9",
) -> Got:
    """Send a request and return the reply; a list of bodies is sent in chunks without a length."""
    sent = dict(headers or {})
    if json is not None:
        body = json_.dumps(json).encode()
        sent.setdefault("content-type", "application/json")
    chunks = [body] if isinstance(body, bytes) else list(body)
    if isinstance(body, bytes) and body:
        sent.setdefault("content-length", str(len(body)))
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "client": (client, 1), "server": ("127.0.0.1", 80),
        "headers": [(name.lower().encode(), value.encode()) for name, value in {"host": "x", **sent}.items()],
    }  # fmt: skip
    pending = [
        {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
        for index, chunk in enumerate(chunks)
    ]
    messages: list[Any] = []

    async def receive() -> Any:
        return pending.pop(0) if pending else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = messages[0]
    names = [name.decode() for name, _ in start["headers"]]
    assert len(names) == len(set(names)), f"a header comes twice: {names}"
    got = {name.decode(): value.decode() for name, value in start["headers"]}
    return Got(start["status"], got, b"".join(message.get("body", b"") for message in messages[1:]))
