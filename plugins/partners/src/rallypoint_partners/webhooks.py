"""Whether a partner's webhook is genuine, and its identity, by which a repeated one is dropped."""

from __future__ import annotations

import hashlib

from rallypoint.sdk import Inbound, Verifier, hmac_verifier
from rallypoint_partners.config import WebhookConfig
from rallypoint_partners.settings import Access

_MAX = 200


def verifier(config: WebhookConfig, access: Access) -> Verifier:
    """Return the verifier of a partner; without a secret, or an owner for its rooms, it answers 503."""
    secret = access.webhook_secret.get_secret_value() if access.has_owner else ""
    return hmac_verifier(
        config.header,
        secret,
        algorithm=config.algorithm,
        encoding=config.encoding,
        prefix=config.prefix,
        template=config.template,
        timestamp_header=config.timestamp_header,
        tolerance=config.tolerance,
    )


def delivery_id(config: WebhookConfig, inbound: Inbound) -> str:
    """Return the delivery's id from its header; without one, a digest of the body."""
    given = inbound.headers.get(config.delivery_header.lower(), "") if config.delivery_header else ""
    return given[:_MAX] or hashlib.sha256(inbound.body).hexdigest()
