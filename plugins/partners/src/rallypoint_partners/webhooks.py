"""Whether a partner's webhook is genuine, and its identity, by which a repeated one is dropped."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from rallypoint.sdk import Inbound, PermanentFailure, Verifier, hmac_verifier
from rallypoint_partners.body import parsed
from rallypoint_partners.config import PartnerConfig, WebhookConfig
from rallypoint_partners.pointer import resolve

_MAX = 200


def path_of(name: str) -> str:
    """Return where a partner posts its webhooks."""
    return f"/api/v1/partners/{name}/webhook"


def verifier(config: WebhookConfig, secret: str) -> Verifier:
    """Return the verifier of a partner; without a secret it answers 503."""
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
    """Return the delivery's id from its body; without one, a digest of what is signed."""
    if config.delivery is not None:
        given = _id_in(config.delivery, inbound.body)
        if given:
            return given
    stamp = inbound.headers.get(config.timestamp_header.lower(), "") if config.timestamp_header else ""
    return hashlib.sha256(stamp.encode() + b"." + inbound.body).hexdigest()


def sample(config: PartnerConfig, webhook: WebhookConfig, secret: str) -> Inbound:
    """Return a genuine webhook about a session that begins now."""
    session: dict[str, Any] = {}
    _place(session, config.fields.id, "sample")
    _place(session, config.fields.title, "Sample session")
    document: dict[str, Any] = {}
    document = _place(document, webhook.session, session)
    _place(document, webhook.event, "sample")
    if webhook.delivery:
        _place(document, webhook.delivery, "sample")
    body, stamp = json.dumps(document).encode(), str(int(time.time()))
    headers = {webhook.header.lower(): webhook.prefix + _signature(webhook, secret, body, stamp)}
    if webhook.timestamp_header is not None:
        headers[webhook.timestamp_header.lower()] = stamp
    return Inbound(body, headers, {}, path_of(config.name))


def _signature(config: WebhookConfig, secret: str, body: bytes, stamp: str) -> str:
    before, _, after = config.template.replace("{timestamp}", stamp).partition("{body}")
    digest = hmac.digest(secret.encode(), before.encode() + body + after.encode(), config.algorithm)
    return digest.hex() if config.encoding == "hex" else base64.b64encode(digest).decode()


def _id_in(pointer: str, body: bytes) -> str:
    try:
        found = resolve(parsed(body), pointer)
    except PermanentFailure:
        return ""
    usable = isinstance(found, str | int) and not isinstance(found, bool)
    return str(found)[:_MAX] if usable else ""


def _place(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """Put ``value`` where ``pointer`` finds it, and return the document; an index is a key here."""
    *parents, last = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]] or [""]
    if not pointer:
        return value if isinstance(value, dict) else document
    inner = document
    for token in parents:
        inner = inner.setdefault(token, {})
    inner[last] = value
    return document
