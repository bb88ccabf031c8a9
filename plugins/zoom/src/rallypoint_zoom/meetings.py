"""Makes, moves and cancels Zoom meetings for booking."""

from __future__ import annotations

import zlib

from rallypoint.domains.booking.api import Meeting, MeetingProvider, MeetingRequest
from rallypoint.sdk import PermanentFailure, PluginContext
from rallypoint_zoom.book import Asked, Book
from rallypoint_zoom.client import ZoomApi, app_client
from rallypoint_zoom.schemas import ZoomMeeting
from rallypoint_zoom.settings import settings_of

PLATFORM = "zoom"
_OWNER = "me"


class ZoomMeetings:
    """The meeting provider.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx, self._settings, self._book = ctx, settings_of(ctx), ctx.once(Book)

    def provider(self) -> MeetingProvider:
        """Return it for booking."""
        return MeetingProvider(PLATFORM, "Zoom", self.create, self.update, self.cancel)

    async def create(self, request: MeetingRequest) -> Meeting:
        """Make a meeting; a repeated request gets the one that an earlier try made."""
        api, host = self._api(request), self._host(request)
        if api is None:
            return _pretended(request)
        earlier = await self._book.ask(request)
        made = None if earlier is None else await self._earlier(api, host, request, earlier)
        if made is None:
            made = await self._make(api, host, request)
        await self._book.made(request, str(made.id))
        return _meeting(made)

    async def update(self, request: MeetingRequest, meeting: Meeting) -> Meeting:
        """Make a meeting like the request; one that was deleted at Zoom is made anew."""
        api = self._api(request)
        if api is None:
            return meeting
        if await api.change(meeting.meeting_id, request):
            await self._book.made(request, meeting.meeting_id)
            return meeting
        await self._book.forget(request)
        return await self.create(request)

    async def cancel(self, request: MeetingRequest, meeting: Meeting) -> None:
        """Remove a meeting; one that is gone counts."""
        api = self._api(request)
        if api is None:
            self._ctx.log.info("not sent: sandbox", action="cancel")
        else:
            await api.delete(meeting.meeting_id)

    async def _make(self, api: ZoomApi, host: str, request: MeetingRequest) -> ZoomMeeting:
        try:
            return await api.create(host, request)
        except PermanentFailure:
            await self._book.forget(request)  # it refused, so there is nothing to be found
            raise

    async def _earlier(
        self, api: ZoomApi, host: str, request: MeetingRequest, earlier: Asked
    ) -> ZoomMeeting | None:
        """Return what an earlier try made, like the request; None when it made nothing, or that is gone."""
        made = (
            await api.get(earlier.meeting_id)
            if earlier.meeting_id
            else await self._search(api, host, request, earlier.at)
        )
        if made is None or not await api.change(str(made.id), request):
            return None
        return made

    async def _search(
        self, api: ZoomApi, host: str, request: MeetingRequest, since: int
    ) -> ZoomMeeting | None:
        try:
            return await api.find(host, request, since)
        except PermanentFailure as refused:
            self._ctx.log.warning("Zoom does not list meetings", status=refused.status)
            return None

    def _api(self, request: MeetingRequest) -> ZoomApi | None:
        credentials = self._settings.credentials(request.mode)
        if credentials is None:
            return None
        return ZoomApi(app_client(self._ctx, self._settings, credentials))

    def _host(self, request: MeetingRequest) -> str:
        """Return whose meeting it is to be.

        Raises:
            PermanentFailure: The operator does not allow it.
        """
        named = request.host_email.strip()
        if named and not self._settings.may_host(named):
            raise PermanentFailure("this server makes no Zoom meetings for the host's e-mail address")
        return named or self._settings.host or _OWNER


def _meeting(made: ZoomMeeting) -> Meeting:
    return Meeting(
        url=made.join_url,
        meeting_id=str(made.id),
        password=made.password,
        host_url=made.start_url,
        dial_in=_dial_in(made),
        external={"id": made.id, "uuid": made.uuid},
    )


def _dial_in(made: ZoomMeeting) -> str:
    numbers = made.settings.get("global_dial_in_numbers")
    first = numbers[0] if isinstance(numbers, list) and numbers else None
    if not isinstance(first, dict) or not first.get("number"):
        return ""
    country = f" ({first['country_name']})" if first.get("country_name") else ""
    return f"{first['number']}{country}"


def _pretended(request: MeetingRequest) -> Meeting:
    """Return what a sandbox answers: a link that leads nowhere, of a meeting that nobody was told of."""
    number = 10_000_000_000 + zlib.crc32(request.request_id.encode())
    url = f"https://zoom.us/sandbox/{number}"
    return Meeting(url, str(number), "sandbox", f"{url}/start", external={"id": number, "sandbox": True})
