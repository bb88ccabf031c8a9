"""Ids: opaque strings, UUIDv7 so that they sort by the time they were made (RFC 9562 §5.7)."""

from __future__ import annotations

from uuid import UUID

import uuid_utils


def new_id() -> str:
    """Return a fresh UUIDv7 in its canonical lower-case form."""
    return str(uuid_utils.uuid7())


def is_id(text: str) -> bool:
    """Tell whether ``text`` is a UUID in canonical form; anything else can name nothing of ours."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
