"""Rows of practitioners and schedules, and how the wire shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rallypoint.storage import clock
from rallypoint.storage.database import Row

Document = dict[str, Any]

LISTS = ("conditions", "languages", "certifications", "insurance_accepted", "session_format")
SELECT = "SELECT p.*, u.number AS user_number FROM practitioners p LEFT JOIN users u ON u.id = p.user_id"


def practitioner_document(row: Row) -> Document:
    """Return a practitioner, read with :data:`SELECT`, as replies show them."""
    return {
        "id": row["id"],
        "name": row["name"],
        "specialty": row["specialty"],
        "reviews": row["reviews"],
        "rating": row["rating"],
        "price": row["price"],
        "imageUrl": row["image_url"],
        "badge": row["badge"],
        "education": row["education"],
        "degree": row["degree"],
        "locationType": row["location_type"],
        "conditions": json.loads(row["conditions"]),
        "bio": row["bio"],
        "yearsExperience": row["years_experience"],
        "approach": row["approach"],
        "languages": json.loads(row["languages"]),
        "certifications": json.loads(row["certifications"]),
        "availability": row["availability"],
        "insuranceAccepted": json.loads(row["insurance_accepted"]),
        "sessionFormat": json.loads(row["session_format"]),
        "email": row["email"],
        "preferredVideoPlatform": row["preferred_video_platform"],
        "timezone": row["timezone"],
        "userId": row["user_number"],
        "createdAt": clock.rfc3339(row["created_at"]),
        "updatedAt": clock.rfc3339(row["updated_at"]),
    }


def schedule_document(row: Row) -> Document:
    """Return a schedule as replies show it; its times as the tables have them, ``09:00:00``."""
    return {
        "id": row["id"],
        "practitionerId": row["practitioner_id"],
        "dayOfWeek": row["day_of_week"],
        "startTime": row["start_time"],
        "endTime": row["end_time"],
        "slotDurationMinutes": row["slot_duration_minutes"],
        "createdAt": clock.rfc3339(row["created_at"]),
        "updatedAt": clock.rfc3339(row["updated_at"]),
    }


def columns_of(given: Mapping[str, Any]) -> Document:
    """Return a request's fields as columns: lists as JSON, an absent address as none."""
    columns = {name: json.dumps(value) if name in LISTS else value for name, value in given.items()}
    if "email" in columns:
        columns["email"] = columns["email"] or ""
    return columns
