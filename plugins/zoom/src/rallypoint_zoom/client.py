"""Zoom's API as far as meetings need it (https://developers.zoom.us/docs/api/meetings/)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from rallypoint.domains.booking.api import MeetingRequest
from rallypoint.sdk import BadConfig, Client, PermanentFailure, PluginContext, RetryLater, TokenSource
from rallypoint_zoom.schemas import ListedMeeting, ZoomMeeting
from rallypoint_zoom.settings import ZoomSettings
from rallypoint_zoom.times import read_time, zoom_time

MAX_TOPIC = 200
MAX_AGENDA = 2000
LISTED_AGENDA = 250
"""Characters of an agenda that a list shows."""
NO_USER, NO_MEETING, IN_PROGRESS, NO_SCOPE = "1001", "3001", "3002", "4711"
_PAGES = 5
_SKEW_MS = 60_000
_SCHEDULED = 2
SETTINGS: Mapping[str, bool] = {
    "host_video": True,
    "participant_video": True,
    "join_before_host": False,
    "waiting_room": True,
    "alternative_hosts_email_notification": True,
}


def app_client(ctx: PluginContext, settings: ZoomSettings, credentials: tuple[str, str, Any]) -> Client:
    """Return a client of a server-to-server OAuth app; its tokens are shared and last an hour."""
    account_id, client_id, secret = credentials
    grant = {"grant_type": "account_credentials", "account_id": account_id}
    source = TokenSource(settings.token_url, client_id, secret, grant)
    return ctx.kernel.connections.app_client(settings.api_url, token=source, quota=f"zoom/{account_id}")


class ZoomApi:
    """Meetings of one Zoom account.

    Every call raises ``RetryLater`` while Zoom is away or asks to wait, ``BadConfig`` when the app's credentials
    or scopes do not do, and ``PermanentFailure`` for what Zoom refuses.

    Args:
        client: Signed in.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, host: str, request: MeetingRequest) -> ZoomMeeting:
        """Make a meeting; sent once, so a lost answer is a meeting that we do not know of."""
        body = {**meeting_body(request), "type": _SCHEDULED, "settings": dict(SETTINGS)}
        return _meeting(await self._call("POST", f"/users/{_part(host)}/meetings", body))

    async def get(self, meeting_id: str) -> ZoomMeeting | None:
        """Return a meeting with fresh links; None when there is none any more."""
        try:
            return _meeting(await self._call("GET", _path(meeting_id)))
        except PermanentFailure as refused:
            if refused.status == 404:
                return None
            raise

    async def change(self, meeting_id: str, request: MeetingRequest) -> bool:
        """Make a meeting like the request, and tell whether there is one."""
        try:
            await self._call("PATCH", _path(meeting_id), meeting_body(request))
        except PermanentFailure as refused:
            if refused.status == 404:
                return False
            raise
        return True

    async def delete(self, meeting_id: str) -> None:
        """Remove a meeting; one that is gone already counts, one that is under way is tried again later."""
        try:
            await self._call("DELETE", _path(meeting_id))
        except PermanentFailure as refused:
            if refused.reason_code == IN_PROGRESS:
                raise RetryLater("the meeting is under way", after=600.0) from None
            if refused.status != 404:
                raise

    async def find(self, host: str, request: MeetingRequest, since: int) -> ZoomMeeting | None:
        """Return the meeting that an earlier try of a request made after all (``since``: ms, when it was asked)."""
        async for one in self._listed(host):
            made = read_time(one.created_at)
            if made is not None and made >= since - _SKEW_MS and _same(one, request):
                return await self.get(str(one.id))
        return None

    async def _listed(self, host: str) -> AsyncIterator[ListedMeeting]:
        params = {"type": "scheduled", "page_size": "300"}
        for _ in range(_PAGES):
            reply = await self._call("GET", f"/users/{_part(host)}/meetings", params=params)
            found = reply if isinstance(reply, dict) else {}
            for item in found.get("meetings") or ():
                try:
                    yield ListedMeeting.model_validate(item)
                except ValidationError:
                    continue
            if not (token := found.get("next_page_token")):
                return
            params["next_page_token"] = str(token)

    async def _call(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, str] | None = None
    ) -> Any:
        try:
            return (await self._client.request(method, path, params=params, body=body)).json
        except PermanentFailure as refused:
            raise _translated(refused) from None


def meeting_body(request: MeetingRequest) -> dict[str, Any]:
    """Return what Zoom is told of a meeting, at its making and at each change."""
    return {
        "topic": request.topic[:MAX_TOPIC],
        "agenda": request.description[:MAX_AGENDA],
        "start_time": zoom_time(request.start),
        "duration": request.duration,
        "timezone": "UTC",
    }


def _same(one: ListedMeeting, request: MeetingRequest) -> bool:
    wanted = meeting_body(request)
    agenda = wanted["agenda"][:LISTED_AGENDA].strip()
    return (one.topic, one.duration, read_time(one.start_time), one.agenda[:LISTED_AGENDA].strip()) == (
        wanted["topic"],
        wanted["duration"],
        read_time(wanted["start_time"]),
        agenda,
    )


def _meeting(reply: Any) -> ZoomMeeting:
    try:
        return ZoomMeeting.model_validate(reply)
    except ValidationError:
        raise RetryLater("Zoom's reply about a meeting cannot be read") from None


def _translated(refused: PermanentFailure) -> Exception:
    if refused.reason_code == NO_SCOPE:
        return BadConfig("the Zoom app lacks a scope that meetings need; the README names them")
    if refused.reason_code == NO_USER:
        message = "the Zoom account has no user with the host's e-mail address"
        return PermanentFailure(message, status=refused.status, reason_code=NO_USER)
    return refused


def _path(meeting_id: str) -> str:
    return f"/meetings/{_part(meeting_id)}"


def _part(value: str) -> str:
    return quote(value, safe="@")
