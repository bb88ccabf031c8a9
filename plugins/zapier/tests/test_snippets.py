"""The requests of integrations.md as they stand there, sent over a bare socket."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from support.conformance import schemathesis

from .conftest import Caller, Zapier

STATUS = """\
GET /integrations/status HTTP/1.1
Authorization: Bearer <jwt_token>
"""
GENERATE = """\
POST /integrations/zapier/generate-key HTTP/1.1
Authorization: Bearer <jwt_token>
"""
REVOKE = """\
DELETE /integrations/zapier/revoke-key HTTP/1.1
Authorization: Bearer <jwt_token>
"""


def send(caller: Caller, snippet: str) -> tuple[int, Any]:
    """Send a request as documented, but for the host, the token, and what HTTP needs at its end."""
    host = f"127.0.0.1:{caller.server.port}"
    text = snippet.replace("<jwt_token>", caller.token).replace("\n", "\r\n")
    length = "Content-Length: 0\r\n" if text.startswith("POST") else ""
    with socket.create_connection(("127.0.0.1", caller.server.port)) as sock:
        sock.sendall(f"{text}Host: {host}\r\nConnection: close\r\n{length}\r\n".encode())
        reply = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    head, _, body = reply.partition("\r\n\r\n")
    return int(head.split(" ")[1]), json.loads(body)


def test_the_documented_requests_in_their_order(alice: Caller) -> None:
    status, reply = send(alice, STATUS)
    assert (status, reply["success"], reply["data"]["zapier"]) == (200, True, {"connected": False})
    status, generated = send(alice, GENERATE)
    assert (status, generated["success"]) == (200, True)
    assert set(generated["data"]) == {"apiKey", "webhookUrl", "createdAt"}
    assert send(alice, STATUS)[1]["data"]["zapier"] == {"connected": True, **generated["data"]}
    done = {"success": True, "message": "Zapier API key revoked successfully"}
    assert send(alice, REVOKE) == (200, done)
    assert send(alice, REVOKE) == (200, done)
    assert send(alice, STATUS)[1]["data"]["zapier"] == {"connected": False}


@pytest.mark.slow
async def test_every_reply_is_documented(alice: Caller, zapier: Zapier, tmp_path: Any) -> None:
    report = await schemathesis(
        alice.server.url,
        tmp_path,
        token=alice.token,
        examples=8,
        options=(
            *("--include-path-regex", "zapier", "--header", f"X-Callnfy-Key: {zapier.key}"),
            *("--exclude-path-regex", "revoke-key", "--exclude-checks", "positive_data_acceptance"),
        ),
    )
    assert "passed" in report
