"""Posts to a plugin's webhooks in process: unsigned, tampered with, genuine, and genuine again."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from rallypoint.app import App
from rallypoint.plugins.contributions import Inbound, WebhookSource
from rallypoint.testing.contract.report import WebhookReport
from rallypoint.web.routing import VARIABLE


async def drive(app: App, source: WebhookSource) -> WebhookReport:
    """Try a webhook out.

    Args:
        app: Open.
        source: One of its plugins'.
    """
    sample = source.sample() if source.sample else None
    path = urlsplit(sample.url).path if sample else re.sub(VARIABLE, "x", source.path)
    report = WebhookReport(
        path=source.path, unsigned=await post(app, path, b"{}"), sampled=sample is not None
    )
    if sample is not None:
        forged = source.forge(sample) if source.forge else replace(sample, body=sample.body + b" ")
        report.tampered = await _deliver(app, path, forged, forged.body)
        report.first = await _deliver(app, path, sample, sample.body)
        report.second = await _deliver(app, path, sample, sample.body)
        report.receipts = await _receipts(app, source.provider)
    return report


async def post(
    app: App, path: str, body: bytes, headers: Mapping[str, str] | None = None, query: str = ""
) -> int:
    """Post JSON to an application and return the status of its reply."""
    sent = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    status = 0

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


async def _deliver(app: App, path: str, sample: Inbound, body: bytes) -> int:
    return await post(app, path, body, sample.headers, urlencode(sample.query))


async def _receipts(app: App, provider: str) -> int:
    row = await app.house.database.fetch_one(
        "SELECT COUNT(*) AS n FROM webhook_receipts WHERE provider = ?", provider
    )
    return int(row["n"]) if row else 0
