"""Rows of calls, how the wire shows them, and the event that tells of them."""

from __future__ import annotations

from typing import Any

from rallypoint.events.types import Draft
from rallypoint.storage import clock
from rallypoint.storage.database import Row

Document = dict[str, Any]
RECEIVED = "call.received"


def call_document(row: Row) -> Document:
    """Return a call as replies show it."""
    return {
        "id": row["id"],
        "customerId": row["customer_id"],
        "customerName": row["customer_name"],
        "customerPhone": row["customer_phone"],
        "duration": row["duration"],
        "recordingUrl": row["recording_url"],
        "transcript": row["transcript"],
        "sentiment": row["sentiment"],
        "receivedAt": clock.rfc3339(row["received_at"]),
        "createdAt": clock.rfc3339(row["created_at"]),
    }


def call_body(row: Row) -> Document:
    """Return the event's body."""
    data = call_document(row)
    del data["createdAt"]
    return {
        "event": RECEIVED,
        "timestamp": clock.rfc3339_ms(row["created_at"]),
        "data": {
            **data,
            "id": f"call_{row['id']}",
            "customerId": f"cust_{row['customer_id']}",
            "receivedAt": clock.rfc3339_ms(row["received_at"]),
        },
    }


def call_draft(row: Row) -> Draft:
    """Return the event of a new call."""
    return Draft(
        type=RECEIVED,
        account_id=row["account_id"],
        mode=row["mode"],
        subject=f"call:{row['id']}",
        seq=row["seq"],
        topics=(f"user:{row['user_id']}",),
        payload=call_body(row),
        actor_id=row["user_id"],
    )
