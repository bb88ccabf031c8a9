"""Fills the database of a server that does not run: rooms with a target, an old event and an old delivery each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rallypoint.security.secrets import ensure_secret_key
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id
from rallypoint.webhooks.signing import new_secret

TYPES = ("video", "silent", "audio-only")
BODY = b'{"event":"room.created","data":{"room":{"name":"Morning focus"}}}' * 12


def seed(data_dir: Path, count: int, url: str) -> None:
    """Add ``count`` public rooms of the first account, whose webhooks go to ``url``, all delivered long ago."""
    settings = Settings(data_dir=data_dir, _env_file=None)  # type: ignore[call-arg]
    secret = Vault(ensure_secret_key(settings)).encrypt(new_secret())
    with sqlite3.connect(data_dir / "rallypoint.db") as db:
        account, user = db.execute("SELECT account_id, id FROM users LIMIT 1").fetchone()
        for number in range(count):
            for table, row in _rows(number, account, user, url, secret):
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
    db.close()


def some_rooms(data_dir: Path, count: int) -> list[str]:
    """Return the ids of ``count`` rooms, spread over all of them."""
    with sqlite3.connect(data_dir / "rallypoint.db") as db:
        ids = [row[0] for row in db.execute("SELECT id FROM rooms ORDER BY id")]
    db.close()
    return ids[:: len(ids) // count][:count]


def _rows(
    number: int, account: str, user: str, url: str, secret: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    room, target, event, delivery = (new_id() for _ in range(4))
    subject, at = f"room:{room}", clock.now() - clock.DAY
    yield "rooms", _room(number, room, target, account, user, at)
    yield (
        "webhook_targets",
        {
            "id": target,
            "account_id": account,
            "mode": "live",
            "owner_id": user,
            "kind": "room",
            "subject": subject,
            "url": url,
            "secret": secret,
            "state": "active",
            "reason": "",
            "event_seq": 0,
            "created_at": at,
            "updated_at": at,
        },
    )
    yield (
        "events",
        {
            "id": event,
            "type": "room.created",
            "account_id": account,
            "mode": "live",
            "subject": subject,
            "seq": 1,
            "topics": f'["{subject}"]',
            "body": BODY,
            "changes": "[]",
            "at": at,
        },
    )
    yield (
        "webhook_deliveries",
        {
            "id": delivery,
            "target_id": target,
            "lane_id": f"{target}/{subject}",
            "seq": 1,
            "event_id": event,
            "event_type": "room.created",
            "state": "delivered",
            "attempts": 1,
            "created_at": at,
            "finished_at": at,
        },
    )
    yield (
        "webhook_attempts",
        {"delivery_id": delivery, "at": at, "duration_ms": 3, "status": 200, "error": "", "reply": b"ok"},
    )


def _room(number: int, room: str, target: str, account: str, user: str, at: int) -> dict[str, Any]:
    return {
        "id": room,
        "account_id": account,
        "mode": "live",
        "audience": "live",
        "created_by": user,
        "name": f"Morning focus {number}",
        "description": "Early morning productivity, quiet and steady",
        "room_type": TYPES[number % 3],
        "is_public": True,
        "max_participants": 10,
        "current_participants": 0,
        "tags": '["morning"]',
        "status": "active",
        "is_live": True,
        "webrtc_room_id": f"room-{number}",
        "target_id": target,
        "seq": 1,
        "created_at": at,
        "updated_at": at,
    }
