"""A stand-in for Zoom, as strict as the real one; for tests, demonstrations and development.

Alone: ``python -m rallypoint_zoom.fake --port 4300``; ``RALLYPOINT_ZOOM_API_URL`` is then its URL with ``/v2`` and
``RALLYPOINT_ZOOM_TOKEN_URL`` its URL with ``/oauth/token``. It knows the app ``demo-client`` with the secret
``demo-secret`` of the account ``demo-account``, and every user that has an address at ``example.com``.
``POST /_fake/events`` posts a signed event, ``POST /_fake/faults`` asks for failures.
"""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from rallypoint.testing.fakes import ProviderFake
from rallypoint_zoom.fake_rules import meeting_problems, refusal
from rallypoint_zoom.webhooks import signed

_PAGE = 30
_LISTED_AGENDA = 250


class ZoomFake(ProviderFake):
    """Zoom with its account, users and meetings in memory.

    Attributes:
        client: Id and secret of the app.
        account: Its account's id.
        owner: Whose ``me`` is.
        domain: Of the users that there are.
        scopes: Of the app; without one that a request needs, it is refused.
        meetings: As the API shows them, by number.
        tokens: When each access token ends, in seconds.
        lifetime: Seconds that a token lives.
    """

    def __init__(self) -> None:
        super().__init__()
        self.client = ("demo-client", "demo-secret")
        self.account = "demo-account"
        self.owner, self.domain = "owner@example.com", "example.com"
        self.scopes = {"meeting:write", "meeting:read", "meeting:update", "meeting:delete"}
        self.meetings: dict[int, dict[str, Any]] = {}
        self.tokens: dict[str, float] = {}
        self.lifetime = 3600
        self._numbers = itertools.count(85_746_065_432)

    @property
    def api_url(self) -> str:
        """What ``RALLYPOINT_ZOOM_API_URL`` is to be."""
        return f"{self.url}/v2"

    @property
    def token_url(self) -> str:
        """What ``RALLYPOINT_ZOOM_TOKEN_URL`` is to be."""
        return f"{self.url}/oauth/token"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the documented routes, and the one that plays Zoom's part."""
        return [
            web.post("/oauth/token", self._token),
            web.post("/v2/users/{user}/meetings", self._create),
            web.get("/v2/users/{user}/meetings", self._list),
            web.get("/v2/meetings/{number}", self._get),
            web.patch("/v2/meetings/{number}", self._patch),
            web.delete("/v2/meetings/{number}", self._delete),
            web.post("/_fake/events", self._post_event),
        ]

    def revoke(self) -> None:
        """Let no token that was issued hold any more."""
        self.tokens.clear()

    def event(self, name: str, number: int | str, **said: Any) -> bytes:
        """Return the body of an event of a meeting, as Zoom writes it."""
        at = datetime.now(UTC)
        known = self.meetings.get(int(number), {})
        meeting = {
            "id": str(number),
            "uuid": known.get("uuid", "4444AAAiAAAAAiAiAiiAii=="),
            "host_id": "x1yCzABCDEfg23HiJKl4mN",
            "topic": known.get("topic", "A meeting"),
            "type": 2,
            "start_time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "timezone": "UTC",
            "duration": known.get("duration", 60),
            **said,
        }
        body = {
            "event": name,
            "event_ts": round(at.timestamp() * 1000),
            "payload": {"account_id": self.account, "object": meeting},
        }
        return json.dumps(body, separators=(",", ":")).encode()

    async def post(self, url: str, secret: str, body: bytes, *, at: int | None = None) -> tuple[int, bytes]:
        """Post a body to a webhook as Zoom does, signed at ``at`` (seconds), and return status and answer."""
        headers = {"Content-Type": "application/json", **signed(secret, body, at or int(time.time()))}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers) as reply,
        ):
            return reply.status, await reply.read()

    async def _token(self, request: web.Request) -> web.Response:
        expected = base64.b64encode(":".join(self.client).encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            said = {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
            return web.json_response(said, status=400)
        given: dict[str, Any] = {**request.query, **await request.post()}
        if given.get("grant_type") != "account_credentials":
            said = {"reason": "unsupported grant type", "error": "unsupported_grant_type"}
            return web.json_response(said, status=400)
        if given.get("account_id") != self.account:
            return web.json_response({"reason": "Bad Request", "error": "invalid_request"}, status=400)
        token = secrets.token_urlsafe(24)
        self.tokens[token] = time.time() + self.lifetime
        fresh = {"access_token": token, "token_type": "bearer", "expires_in": self.lifetime}
        return web.json_response({**fresh, "scope": " ".join(sorted(self.scopes)), "api_url": self.url})

    async def _create(self, request: web.Request) -> web.Response:
        user = self._user(request, "meeting:write")
        body = await self._body(request, partial=False)
        number = next(self._numbers)
        self.meetings[number] = {
            "uuid": base64.b64encode(secrets.token_bytes(16)).decode(),
            "id": number,
            "host_id": "x1yCzABCDEfg23HiJKl4mN",
            "host_email": user,
            "topic": "Zoom Meeting",
            "type": 2,
            "status": "waiting",
            "duration": 60,
            "timezone": "UTC",
            "agenda": "",
            "created_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "join_url": f"https://zoom.us/j/{number}?pwd={secrets.token_urlsafe(6)}",
            "password": secrets.token_hex(3),
            **body,
        }
        return web.json_response(self._shown(number), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        user = self._user(request, "meeting:read")
        size = int(request.query.get("page_size", _PAGE))
        begin = int(request.query.get("next_page_token") or 0)
        mine = [one for one in self.meetings.values() if one["host_email"] == user]
        page = mine[begin : begin + size]
        more = str(begin + size) if begin + size < len(mine) else ""
        shown = [_listed(one) for one in page]
        total = {"page_size": size, "total_records": len(mine), "next_page_token": more}
        return web.json_response({**total, "meetings": shown})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(self._number(request, "meeting:read")))

    async def _patch(self, request: web.Request) -> web.Response:
        number = self._number(request, "meeting:update")
        self.meetings[number].update(await self._body(request, partial=True))
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        number = self._number(request, "meeting:delete")
        if self.meetings[number]["status"] == "started":
            raise refusal(400, 3002, "Sorry, you cannot delete this meeting since it's in progress.")
        del self.meetings[number]
        return web.Response(status=204)

    async def _post_event(self, request: web.Request) -> web.Response:
        said: Mapping[str, Any] = await request.json()
        body = self.event(said["event"], said["meeting_id"], **said.get("object", {}))
        status, answer = await self.post(said["url"], said["secret"], body)
        return web.json_response({"status": status, "answer": answer.decode()})

    def _shown(self, number: int) -> dict[str, Any]:
        """Return a meeting with a start link of its own, as each answer has one."""
        start = f"https://zoom.us/s/{number}?zak={secrets.token_urlsafe(12)}"
        return {**self.meetings[number], "start_url": start}

    def _signed_in(self, request: web.Request, scope: str) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) < time.time():
            raise refusal(401, 124, "Invalid access token.")
        if scope not in self.scopes:
            raise refusal(
                400, 4711, f"Invalid access token, does not contain scopes:[{scope}:meeting:admin]."
            )

    def _user(self, request: web.Request, scope: str) -> str:
        self._signed_in(request, scope)
        user = request.match_info["user"]
        user = self.owner if user == "me" else user
        if not user.endswith(f"@{self.domain}"):
            raise refusal(404, 1001, f"User does not exist: {user}.")
        return user

    def _number(self, request: web.Request, scope: str) -> int:
        self._signed_in(request, scope)
        number = request.match_info["number"]
        if not number.isdigit() or int(number) not in self.meetings:
            raise refusal(404, 3001, f"Meeting does not exist: {number}.")
        return int(number)

    async def _body(self, request: web.Request, *, partial: bool) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise refusal(415, 300, "Unsupported Content Type")
        try:
            body = await request.json()
        except ValueError:
            raise refusal(400, 300, "Request Body should be a valid JSON object.") from None
        if problems := meeting_problems(body, partial=partial):
            raise refusal(400, 300, "Validation Failed.", errors=problems)
        return dict(body)


def _listed(meeting: Mapping[str, Any]) -> dict[str, Any]:
    hidden = ("settings", "password", "host_email", "status", "start_url")
    shown = {name: value for name, value in meeting.items() if name not in hidden}
    return {**shown, "agenda": meeting["agenda"][:_LISTED_AGENDA]}


if __name__ == "__main__":
    ZoomFake.main()
