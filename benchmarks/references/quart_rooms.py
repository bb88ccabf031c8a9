"""The list of rooms by hand: Quart, aiosqlite, one query, one reply; no limiter, no authentication."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

import aiosqlite
import orjson
from quart import Quart, Response

app = Quart(__name__)
QUERY = "SELECT * FROM rooms WHERE is_live = 1 ORDER BY id DESC LIMIT 20"


@app.before_serving
async def connect() -> None:
    app.db = await aiosqlite.connect(os.environ["ROOMS_DB"])  # type: ignore[attr-defined]
    app.db.row_factory = aiosqlite.Row  # type: ignore[attr-defined]


@app.after_serving
async def disconnect() -> None:
    await app.db.close()  # type: ignore[attr-defined]


@app.get("/")
async def health() -> Response:
    return Response(b"")


@app.get("/api/v1/rooms")
async def list_rooms() -> Response:
    rows = await app.db.execute_fetchall(QUERY)  # type: ignore[attr-defined]
    page = {"data": [room(row) for row in rows], "next": None}
    return Response(orjson.dumps(page), content_type="application/json")


def room(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "room_type": row["room_type"],
        "created_by": row["created_by"],
        "is_public": bool(row["is_public"]),
        "max_participants": row["max_participants"],
        "current_participants": row["current_participants"],
        "tags": json.loads(row["tags"]),
        "scheduled_start": time(row["scheduled_start"]),
        "scheduled_end": time(row["scheduled_end"]),
        "status": row["status"],
        "webrtc_room_id": row["webrtc_room_id"],
        "external_service_id": row["external_service_id"],
        "external_service_name": row["external_service_name"],
        "created_at": time(row["created_at"]),
        "updated_at": time(row["updated_at"]),
    }


def time(at: int | None) -> str | None:
    if at is None:
        return None
    seconds, ms = divmod(at, 1000)
    stamp = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    return f"{stamp}.{ms:03d}Z" if ms else f"{stamp}Z"
