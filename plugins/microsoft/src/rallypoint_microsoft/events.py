"""Single events at Graph: found by id, or by the id that we gave them.

https://learn.microsoft.com/graph/api/event-get
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rallypoint.domains.booking.api import ExternalEvent
from rallypoint.sdk import Connection, PermanentFailure, RetryLater
from rallypoint_microsoft.client import ask
from rallypoint_microsoft.mapping import PREFER, read

EVENTS = "/me/events"
_GONE = frozenset({404, 410})

KEY_PROPERTY = "String {7c5d0d9e-3f0b-4b52-9f51-2b9f1d0c6a11} Name rallypointKey"
"""Our named property of an event, by which it is found again; Outlook shows it to nobody."""


def keyed(key: str) -> dict[str, Any]:
    """Return what an event of ours carries: the id that makes a repeated order harmless, and the one to find it by.

    Graph gives ``transactionId`` back with each event but cannot be asked for it; extended properties it can.
    """
    return {
        "transactionId": key,
        "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": key}],
    }


async def find(connection: Connection, event_id: str) -> dict[str, Any] | None:
    """Return an event as Graph writes it; None for one that is gone."""
    try:
        return await ask(connection.client, path_of(event_id), prefer=PREFER)
    except PermanentFailure as refused:
        if is_gone(refused):
            return None
        raise


async def by_key(connection: Connection, key: str) -> dict[str, Any] | None:
    """Return the event that an earlier order made, as Graph writes it."""
    wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY_PROPERTY}' and ep/value eq '{key}')"
    reply = await ask(connection.client, EVENTS, {"$filter": wanted, "$top": "1"}, prefer=PREFER)
    found = reply.get("value")
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


def is_gone(refused: PermanentFailure) -> bool:
    """Tell whether a refusal says that there is no such event any more."""
    return refused.status in _GONE


def known(reply: Any) -> ExternalEvent:
    """Return a reply as the engine knows events."""
    try:
        return read(reply)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise RetryLater("Microsoft's reply about an event cannot be read") from None


def path_of(event_id: str) -> str:
    """Return where an event is."""
    return f"{EVENTS}/{quote(event_id, safe='')}"
