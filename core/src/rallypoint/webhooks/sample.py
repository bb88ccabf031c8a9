"""A test delivery, as ``rallypoint webhooks send-test URL`` sends it."""

from __future__ import annotations

from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id
from rallypoint.webhooks import guard
from rallypoint.webhooks.canonical import canonical_json
from rallypoint.webhooks.sender import Result, Sender


async def send_test(url: str, secret: str, settings: Settings) -> Result:
    """Post a signed sample of ``participant.joined`` once.

    Args:
        url: Where to.
        secret: To sign with, such as the setting ``WEBHOOK_TEST_SECRET``.
        settings: Timeouts, and whether private targets are allowed.

    Raises:
        ValidationFailed: The URL cannot be a target.
    """
    guard.check_url(url, allow_private=settings.allow_private_targets)
    sender = Sender(allow_private=settings.allow_private_targets, timeout=settings.webhook_timeout)
    body = {
        "event": "participant.joined",
        "room_id": "test-room",
        "user_id": "test-user",
        "timestamp": clock.rfc3339(clock.now()),
        "data": {},
    }
    try:
        return await sender.send(url, [secret], new_id(), canonical_json(body))
    finally:
        await sender.close()
