"""Whose calendar a meeting is made in, for platforms whose meetings are events of a calendar."""

from __future__ import annotations

from dataclasses import dataclass

from rallypoint.domains.booking.api.meetings import Meeting, MeetingRequest
from rallypoint.sdk import Connection, NeedsReauth, PluginContext

CONNECTION = "connectionId"
"""Where ``Meeting.external`` says which calendar that was."""


class HostNotConnected(NeedsReauth):
    """The host has no calendar connected, or its token is dead."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The calendars of one service.

    Args:
        ctx: The plugin's view of the core.
        service: That connects the calendars.
        refusal: The documented text when the host has none.
    """

    ctx: PluginContext
    service: str
    refusal: str

    async def of(self, request: MeetingRequest) -> Connection:
        """Return the calendar that a meeting is to be made in: the host's by address, else the user's own.

        Raises:
            HostNotConnected: There is none that works.
        """
        connections, found = self.ctx.kernel.connections, None
        if request.host_email:
            found = await connections.by_email(
                request.account_id, request.mode, self.service, request.host_email.lower()
            )
        if found is None:
            found = await connections.find(request.account_id, request.user_id, request.mode, self.service)
        if found is None or found.state != "connected":
            raise HostNotConnected(self.refusal)
        return found

    async def who_made(self, request: MeetingRequest, meeting: Meeting) -> Connection:
        """Return the calendar that a meeting was made in, whoever's it would be by now.

        Raises:
            HostNotConnected: Neither that nor another one works.
        """
        kept = await self.ctx.kernel.connections.get(str(meeting.external.get(CONNECTION, "")))
        return kept if kept is not None and kept.state == "connected" else await self.of(request)
