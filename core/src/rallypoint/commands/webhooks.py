"""``rallypoint webhooks send-test``: one signed delivery to a receiver that is being built."""

from __future__ import annotations

import json
import time

import click

from rallypoint.errors import ValidationFailed
from rallypoint.settings import Settings
from rallypoint.storage.ids import new_id
from rallypoint.webhooks.guard import check_url
from rallypoint.webhooks.sender import Result, Sender
from rallypoint.webhooks.signing import new_secret


async def send_test(settings: Settings, url: str, secret: str | None) -> str:
    """Send a signed test delivery and return what came of it, in words.

    Args:
        settings: Say whether private addresses are allowed, and how long an answer may take.
        url: Of the receiver.
        secret: Signs the delivery; a fresh one is made when left out.

    Raises:
        click.ClickException: The URL can be no target.
    """
    _check(settings, url)
    key = secret or new_secret()
    body = json.dumps({"event": "webhook.test", "timestamp": int(time.time() * 1000)}).encode()
    sender = Sender(allow_private=settings.allow_private_targets, timeout=settings.webhook_timeout)
    try:
        result = await sender.send(url, [key], new_id(), body)
    finally:
        await sender.close()
    return "\n".join([*([] if secret else [f"Signed with the secret {key}"]), _in_words(result)])


def _check(settings: Settings, url: str) -> None:
    try:
        check_url(url, allow_private=settings.allow_private_targets)
    except ValidationFailed as error:
        reasons = "; ".join(reason for reasons in error.fields.values() for reason in reasons)
        raise click.ClickException(f"the URL {reasons}") from error


def _in_words(result: Result) -> str:
    took = f"after {result.duration_ms} ms"
    if result.status is None:
        return f"No answer {took}: {result.error}"
    reply = result.reply.decode(errors="replace").strip()
    verdict = "taken" if result.ok else "refused: only 2xx counts"
    return f"{result.status} {took}, {verdict}" + (f"\n{reply}" if reply else "")
