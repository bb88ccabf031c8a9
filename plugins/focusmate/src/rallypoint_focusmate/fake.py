"""A stand-in for Focusmate's API, as strict as the real one; for tests, demonstrations and development.

Alone: ``python -m rallypoint_focusmate.fake --port 4200``, then ``RALLYPOINT_FOCUSMATE_API_URL`` is its URL
with ``/v1``. It then knows the key ``demo-key`` and a session that begins now; ``POST /_fake/sessions`` adds
or replaces one, ``DELETE /_fake/sessions/<id>`` takes it away, ``POST /_fake/faults`` asks for failures.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from rallypoint.testing.fakes import ProviderFake

_YEAR = timedelta(days=366)


class FocusmateFake(ProviderFake):
    """Focusmate with its users, keys and sessions in memory.

    Attributes:
        keys: User ids by API key.
        users: Names by user id.
        sessions: As the API shows them, by id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys = {"demo-key": "fm-me"}
        self.users = {"fm-me": "Mia", "fm-partner": "Paul"}
        self.sessions: dict[str, dict[str, Any]] = {}

    @property
    def api_url(self) -> str:
        """What ``RALLYPOINT_FOCUSMATE_API_URL`` is to be."""
        return f"{self.url}/v1"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the documented routes, and the two that play the provider's part."""
        return [
            web.get("/v1/me", self._me),
            web.get("/v1/users/{user_id}", self._user),
            web.get("/v1/sessions", self._sessions),
            web.post("/_fake/sessions", self._put),
            web.delete("/_fake/sessions/{session_id}", self._drop),
        ]

    def book(
        self, session_id: str, start: datetime, *, minutes: int = 50, users: Iterable[str] = ("fm-me",)
    ) -> None:
        """Book a session that nobody has joined yet."""
        self.sessions[session_id] = {
            "sessionId": session_id,
            "duration": minutes * 60_000,
            "startTime": start.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "users": [_booked(user_id, start) for user_id in users],
        }

    def match(self, session_id: str, user_id: str = "fm-partner") -> None:
        """Find a partner for a session; the newcomer is listed first."""
        session = self.sessions[session_id]
        session["users"].insert(0, _booked(user_id, datetime.now(UTC)))

    def join(self, session_id: str, user_id: str, at: datetime | None = None) -> None:
        """Let somebody who is booked arrive."""
        self._person(session_id, user_id)["joinedAt"] = (at or datetime.now(UTC)).isoformat()

    def complete(self, session_id: str) -> None:
        """Let everybody complete a session."""
        for user in self.sessions[session_id]["users"]:
            user["completed"] = True

    def unmatch(self, session_id: str, user_id: str = "fm-partner") -> None:
        """Let somebody cancel; the session of the other goes on."""
        self.sessions[session_id]["users"].remove(self._person(session_id, user_id))

    def seed(self) -> None:
        """Make a session of two that begins now, for a fake that runs alone."""
        self.book("fm-session-1", datetime.now(UTC), users=("fm-me", "fm-partner"))
        self.join("fm-session-1", "fm-me")

    def _person(self, session_id: str, user_id: str) -> dict[str, Any]:
        users: list[dict[str, Any]] = self.sessions[session_id]["users"]
        return next(user for user in users if user["userId"] == user_id)

    async def _me(self, request: web.Request) -> web.Response:
        return self._profile(self._caller(request))

    async def _user(self, request: web.Request) -> web.Response:
        self._caller(request)
        return self._profile(request.match_info["user_id"])

    async def _sessions(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        start, end = _moment(request, "start"), _moment(request, "end")
        if end < start:
            raise _refusal(400, "end must not be before start")
        if end - start > _YEAR:
            raise _refusal(400, "start and end must be at most one year apart")
        listed = [session for session in self.sessions.values() if _listed(session, caller, start, end)]
        return web.json_response({"sessions": listed})

    async def _put(self, request: web.Request) -> web.Response:
        session = await request.json()
        self.sessions[session["sessionId"]] = session
        return web.json_response(session, status=201)

    async def _drop(self, request: web.Request) -> web.Response:
        self.sessions.pop(request.match_info["session_id"], None)
        return web.Response(status=204)

    def _caller(self, request: web.Request) -> str:
        user_id = self.keys.get(request.headers.get("X-API-KEY", ""))
        if user_id is None:
            raise _refusal(401, "missing or unknown API key")
        return user_id

    def _profile(self, user_id: str) -> web.Response:
        if user_id not in self.users:
            raise _refusal(404, "no such user")
        profile = {
            "userId": user_id,
            "name": self.users[user_id],
            "totalSessionCount": 12,
            "timeZone": "Europe/Berlin",
            "photoUrl": "https://www.focusmate.com/photo.png",
            "memberSince": "2024-02-01T08:00:00Z",
        }
        return web.json_response({"user": profile})


def _booked(user_id: str, at: datetime) -> dict[str, Any]:
    return {
        "userId": user_id,
        "requestedAt": at.isoformat(),
        "joinedAt": None,
        "completed": False,
        "sessionTitle": "Deep work",
        "activityType": "desk",
        "preferences": {"quietMode": False, "preferFavorites": "none"},
    }


def _moment(request: web.Request, name: str) -> datetime:
    text = request.query.get(name)
    if text is None:
        raise _refusal(400, f"{name} is required")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _refusal(400, f"{name} is not a time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _listed(session: dict[str, Any], caller: str, start: datetime, end: datetime) -> bool:
    begins = datetime.fromisoformat(session["startTime"])
    return start <= begins <= end and any(user["userId"] == caller for user in session["users"])


def _refusal(status: int, message: str) -> web.HTTPException:
    kinds = {400: web.HTTPBadRequest, 401: web.HTTPUnauthorized, 404: web.HTTPNotFound}
    return kinds[status](text=f'{{"error":"{message}"}}', content_type="application/json")


if __name__ == "__main__":
    FocusmateFake.main()
