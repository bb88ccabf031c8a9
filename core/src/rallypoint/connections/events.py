"""What connections tell their owners: on the topic ``user:<id>``, never to webhooks."""

from __future__ import annotations

from rallypoint.events.types import Draft, EventType
from rallypoint.storage import clock
from rallypoint.storage.database import Row

NEEDS_REAUTH = "connection.needs_reauth"
RECOVERED = "connection.recovered"

EVENTS = (
    EventType(NEEDS_REAUTH, "A service refuses a connection's credential", webhooks=False),
    EventType(RECOVERED, "A connection that was refused works again", webhooks=False),
)


def draft(type_name: str, row: Row) -> Draft:
    """Return the event that tells the owner of ``row``, whose ``seq`` has been raised for it."""
    return Draft(
        type=type_name,
        account_id=row["account_id"],
        mode=row["mode"],
        subject=f"connection:{row['id']}",
        seq=row["seq"],
        topics=(f"user:{row['user_id']}",),
        payload={
            "connection_id": row["id"],
            "service": row["service"],
            "label": row["label"],
            "state": row["state"],
            "reason": row["reason"],
            "timestamp": clock.rfc3339(row["updated_at"]),
        },
    )
