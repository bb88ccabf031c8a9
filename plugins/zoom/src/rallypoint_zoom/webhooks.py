"""Zoom's events (https://developers.zoom.us/docs/api/webhooks/): signed, answered at once, handled afterwards."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from rallypoint.sdk import BadRequest, Inbound, PluginContext, Reply, WebhookSource, hmac_verifier
from rallypoint_zoom.events import EVENTS, Happening, tell
from rallypoint_zoom.settings import settings_of
from rallypoint_zoom.times import now, read_time

PATH = "/webhooks/zoom"
TOLERANCE = 300
_VALIDATION = "endpoint.url_validation"
_TIMES = {
    "meeting.started": ("object", "start_time"),
    "meeting.ended": ("object", "end_time"),
    "meeting.participant_joined": ("participant", "join_time"),
    "meeting.participant_left": ("participant", "leave_time"),
}


def source(ctx: PluginContext) -> WebhookSource:
    """Return the endpoint that the operator names in the Zoom app."""

    def secret() -> str:
        return settings_of(ctx).webhook_secret.get_secret_value()

    async def handle(inbound: Inbound) -> None:
        if (happening := read(inbound)) is not None:
            await tell(ctx, happening)

    verify = hmac_verifier(
        "x-zm-signature",
        secret,
        prefix="v0=",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-zm-request-timestamp",
        tolerance=TOLERANCE,
    )
    return WebhookSource(
        provider="zoom",
        path=PATH,
        verify=verify,
        delivery_id=delivery_id,
        handle=handle,
        answer=lambda inbound: handshake(inbound, secret()),
        summary="Receive Zoom's events",
        sample=lambda: sample(secret()),
    )


def delivery_id(inbound: Inbound) -> str:
    """Return what an event has the same each time it is sent: Zoom gives it no id, but its body does not change."""
    return hashlib.sha256(inbound.body).hexdigest()


def handshake(inbound: Inbound, secret: str) -> Reply | None:
    """Prove that the secret is known here, as Zoom asks for when the address is set and every 72 hours.

    Raises:
        BadRequest: The body is none of Zoom's.
    """
    said = _said(inbound)
    if said.get("event") != _VALIDATION:
        return None
    payload = said.get("payload")
    plain = payload.get("plainToken") if isinstance(payload, dict) else None
    if not isinstance(plain, str) or not 0 < len(plain) <= 500:
        raise BadRequest("There is no plainToken")
    return Reply({"plainToken": plain, "encryptedToken": _hmac(secret, plain.encode())})


def read(inbound: Inbound) -> Happening | None:
    """Return what happened; None for events that are not told of, or that do not say which meeting."""
    said = _said(inbound)
    name, payload = said.get("event"), said.get("payload")
    meeting = payload.get("object") if isinstance(payload, dict) else None
    if name not in EVENTS or not isinstance(meeting, dict):
        return None
    number = str(meeting.get("id", ""))
    if not number.isascii() or not number.isdigit() or len(number) > 20:
        return None
    person = meeting.get("participant")
    participant = person if isinstance(person, dict) else {}
    at = read_time((participant if _TIMES[name][0] == "participant" else meeting).get(_TIMES[name][1]))
    return Happening(
        id=delivery_id(inbound),
        name=name,
        at=at or _stamp(said) or now(),
        meeting_id=number,
        topic=str(meeting.get("topic") or ""),
        participant=participant if "participant" in name else None,
    )


def signed(secret: str, body: bytes, at: int) -> dict[str, str]:
    """Return the headers by which Zoom vouches for a body.

    Args:
        secret: The app's secret token.
        body: As sent.
        at: When, in seconds.
    """
    signature = _hmac(secret, b"v0:%d:%s" % (at, body))
    return {"x-zm-request-timestamp": str(at), "x-zm-signature": f"v0={signature}"}


def sample(secret: str) -> Inbound:
    """Return a genuine event of a meeting that nobody has."""
    said = {
        "event": "meeting.started",
        "event_ts": now(),
        "payload": {"account_id": "sample", "object": {"id": "0", "topic": "Sample", "type": 2}},
    }
    body = json.dumps(said).encode()
    headers = {"content-type": "application/json", **signed(secret, body, now() // 1000)}
    return Inbound(body, headers, {}, PATH)


def _said(inbound: Inbound) -> dict[str, Any]:
    try:
        said = json.loads(inbound.body)
    except ValueError:
        raise BadRequest("The body is not JSON") from None
    if not isinstance(said, dict):
        raise BadRequest("The body is no JSON object")
    return said


def _stamp(said: dict[str, Any]) -> int | None:
    stamp = said.get("event_ts")
    return stamp if isinstance(stamp, int) and 0 < stamp < 253_402_300_800_000 else None


def _hmac(secret: str, data: bytes) -> str:
    return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
