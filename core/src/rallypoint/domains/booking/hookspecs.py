"""What plugins may add to booking: places to meet, calendars, and other things that keep people busy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rallypoint.domains.booking.api import BusySource, CalendarProvider, MeetingProvider
from rallypoint.plugins.hookspecs import hookspec

if TYPE_CHECKING:
    from rallypoint.plugins.context import PluginContext


@hookspec
def register_meeting_providers(ctx: PluginContext) -> Sequence[MeetingProvider]:
    """Return the platforms on which the plugin makes meetings; their names are unique on the server.

    since: 0.1

    Example:
        >>> async def create(request: MeetingRequest) -> Meeting:
        ...     return Meeting(url="https://meet.example.com/" + request.request_id, meeting_id=request.request_id)
        >>> async def update(request: MeetingRequest, meeting: Meeting) -> Meeting:
        ...     return meeting
        >>> async def cancel(request: MeetingRequest, meeting: Meeting) -> None:
        ...     ctx.log.info("cancelled", meeting=meeting.meeting_id)
        >>> @hookimpl
        ... def register_meeting_providers(ctx) -> Sequence[MeetingProvider]:
        ...     return [MeetingProvider("acme", "Acme Meet", create, update, cancel)]
    """
    raise NotImplementedError


@hookspec
def register_calendar_providers(ctx: PluginContext) -> Sequence[CalendarProvider]:
    """Return the calendars that the plugin adapts; one for each connection service.

    since: 0.1

    Example:
        >>> class Acme:
        ...     async def insert(self, connection, event: CalendarEvent) -> ExternalEvent:
        ...         return ExternalEvent(event.uid, "1", 0, "confirmed", appointment_key=event.uid)
        ...     async def update(self, connection, ref: ExternalRef, event: CalendarEvent) -> ExternalEvent:
        ...         return ExternalEvent(ref.id, "2", 0, "confirmed", appointment_key=event.uid)
        ...     async def delete(self, connection, ref: ExternalRef) -> None:
        ...         await connection.client.send_json("DELETE", f"/events/{ref.id}")
        ...     async def get(self, connection, event_id: str) -> ExternalEvent | None:
        ...         return None
        ...     async def changes(self, connection, position: str):
        ...         yield ChangePage([], cursor="1")
        ...     async def watch(self, connection, request: WatchRequest) -> Watch:
        ...         return Watch(request.channel_id, "", 0)
        ...     async def unwatch(self, connection, watch: Watch) -> None:
        ...         await connection.client.send_json("DELETE", f"/channels/{watch.external_id}")
        >>> @hookimpl
        ... def register_calendar_providers(ctx) -> Sequence[CalendarProvider]:
        ...     mine = Acme()
        ...     return [CalendarProvider("acme_calendar", "Acme Calendar", insert=mine.insert, update=mine.update,
        ...         delete=mine.delete, get=mine.get, changes=mine.changes, watch=mine.watch, unwatch=mine.unwatch)]
    """
    raise NotImplementedError


@hookspec
def register_busy_sources(ctx: PluginContext) -> Sequence[BusySource]:
    """Return what else knows when a user is busy, for availability; names are unique on the server.

    since: 0.1

    Example:
        >>> async def lunch(request: BusyRequest) -> Sequence[Interval]:
        ...     return [Interval(request.start, request.start + 3_600_000)]
        >>> @hookimpl
        ... def register_busy_sources(ctx) -> Sequence[BusySource]:
        ...     return [BusySource("lunch", lunch)]
    """
    raise NotImplementedError
