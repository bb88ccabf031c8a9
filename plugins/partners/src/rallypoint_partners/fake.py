"""A stand-in for the two shipped partners' APIs, strict about what it accepts.

Alone: ``python -m rallypoint_partners.fake --port 4300``; the API bases are its URL with ``/flow-club`` and
``/study-together``, the key is ``demo-key``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from rallypoint.testing.fakes import ProviderFake

_PAGE = 2


class PartnerFake(ProviderFake):
    """Flow Club (cursors) and Study Together (pages), with sessions in memory.

    Attributes:
        key: The API key it takes.
        flow: Flow Club's sessions by id.
        study: Study Together's rooms by id.
        added: ``(session, user)`` of every participant added, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key = "demo-key"
        self.flow: dict[str, dict[str, Any]] = {}
        self.study: dict[str, dict[str, Any]] = {}
        self.added: list[tuple[str, str]] = []

    def routes(self) -> Iterable[web.RouteDef]:
        """Return both APIs."""
        return [
            web.get("/flow-club/sessions", self._list_flow),
            web.get("/flow-club/sessions/{id}", self._one_flow),
            web.post("/flow-club/sessions/{id}/participants", self._add_flow),
            web.get("/study-together/rooms", self._list_study),
            web.get("/study-together/rooms/{id}", self._one_study),
            web.post("/study-together/rooms/{id}/participants", self._add_study),
        ]

    def add_flow(self, session_id: str, **fields: Any) -> dict[str, Any]:
        """Make a session of Flow Club."""
        session = {"id": session_id, "title": "Morning flow", "capacity": 8, "status": "open", **fields}
        self.flow[session_id] = {"participants": [], **session}
        return self.flow[session_id]

    def add_study(self, room_id: str, **fields: Any) -> dict[str, Any]:
        """Make a room of Study Together."""
        room = {"id": room_id, "name": "Library", "capacity": 30, "tags": ["maths"], **fields}
        self.study[room_id] = {"participants": [], **room}
        return self.study[room_id]

    async def _list_flow(self, request: web.Request) -> web.Response:
        self._check(request)
        at = int(request.query.get("cursor", "0"))
        sessions = list(self.flow.values())
        following = str(at + _PAGE) if at + _PAGE < len(sessions) else None
        return web.json_response({"sessions": sessions[at : at + _PAGE], "next_cursor": following})

    async def _one_flow(self, request: web.Request) -> web.Response:
        return web.json_response(self._found(request, self.flow))

    async def _add_flow(self, request: web.Request) -> web.Response:
        return await self._add(request, self.flow)

    async def _list_study(self, request: web.Request) -> web.Response:
        self._check(request)
        at = (int(request.query["page"]) - 1) * _PAGE
        return web.json_response({"rooms": list(self.study.values())[at : at + _PAGE]})

    async def _one_study(self, request: web.Request) -> web.Response:
        return web.json_response({"room": self._found(request, self.study)})

    async def _add_study(self, request: web.Request) -> web.Response:
        return await self._add(request, self.study)

    async def _add(self, request: web.Request, sessions: Mapping[str, dict[str, Any]]) -> web.Response:
        session, body = self._found(request, sessions), await request.json()
        if set(body) != {"user_id"} or not isinstance(body["user_id"], str):
            raise web.HTTPUnprocessableEntity(text='{"error":"user_id is required, and nothing else"}')
        if any(person["id"] == body["user_id"] for person in session["participants"]):
            raise web.HTTPConflict(text='{"error":"already there"}')
        session["participants"].append({"id": body["user_id"], "joined_at": "2026-11-21T10:00:00Z"})
        self.added.append((session["id"], body["user_id"]))
        return web.json_response({}, status=201)

    def _found(self, request: web.Request, sessions: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        self._check(request)
        session = sessions.get(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound(text='{"error":"no such session"}')
        return session

    def _check(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            raise web.HTTPUnauthorized(text='{"error":"unauthorized"}')


def flow_webhook(
    secret: str, event: str, session: Mapping[str, Any], delivery: str, at: float | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a webhook as Flow Club signs it."""
    body = json.dumps({"id": delivery, "event": event, "data": {"session": session}}).encode()
    stamp = str(int(time.time() if at is None else at))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Flow-Signature": signature, "X-Flow-Timestamp": stamp}
    return body, {**headers, "Content-Type": "application/json"}


def study_webhook(
    secret: str, event: str, room: Mapping[str, Any], delivery: str
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a webhook as Study Together signs it."""
    body = json.dumps({"id": delivery, "event": event, "room": room}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Study-Together-Signature": f"sha256={signature}"}
    return body, {**headers, "Content-Type": "application/json"}


if __name__ == "__main__":
    PartnerFake.main()
