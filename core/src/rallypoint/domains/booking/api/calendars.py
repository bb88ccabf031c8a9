"""Calendars: what a provider's plugin adapts, and the engine that keeps them and appointments alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rallypoint.connections.api import Connection
from rallypoint.domains.booking.api.appointments import Interval
from rallypoint.identity.api import Mode

SyncMode = Literal["one-way", "two-way"]


@dataclass(frozen=True, slots=True)
class BusyRequest:
    """Whose busy times are asked for, and between when (ms)."""

    account_id: str
    mode: Mode
    user_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BusySource:
    """Something that knows when a user is busy. It has two seconds; one that fails is left out and reported.

    Args:
        name: Unique on the server; named in what is reported.
        busy: Returns the busy times that overlap the request's.
    """

    name: str
    busy: Callable[[BusyRequest], Awaitable[Sequence[Interval]]]


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """Our appointment as an event should show it.

    Args:
        uid: Stable id of the pair of appointment and connection, ``[a-v0-9]{5,1024}`` (base32hex, lower case),
            which a provider with client-chosen ids takes as the event's own: a repeat after a lost reply finds it.
        start, end: Milliseconds.
        timezone: IANA name of the zone to show it in.
        attendees: E-mail addresses.
        only_time: The event was made in the calendar: an update changes ``start`` and ``end`` and nothing else.
    """

    uid: str
    appointment_id: int
    summary: str
    description: str
    start: int
    end: int
    timezone: str
    attendees: tuple[str, ...] = ()
    only_time: bool = False


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """An event in a calendar, as we last knew it."""

    id: str
    etag: str = ""


@dataclass(slots=True)  # not frozen: of reading thousands of events, freezing them took a third
class ExternalEvent:
    """An event as a calendar has it; nobody changes it.

    Args:
        updated: Milliseconds, by the provider's clock.
        start, end: Milliseconds; None when a cancelled event does not tell. All-day events: midnights in the
            calendar's zone.
        recurring: Whether it is one of a series.
        busy: Whether it blocks time (opaque, and not declined).
        appointment_key: What our private property says: ``CalendarEvent.uid``; empty for others' events.
        organizer_self: Whether the calendar's owner organises it, so may change it.
    """

    id: str
    etag: str
    updated: int
    status: Literal["confirmed", "cancelled"]
    start: int | None = None
    end: int | None = None
    timezone: str = ""
    all_day: bool = False
    recurring: bool = False
    busy: bool = True
    summary: str = ""
    description: str = ""
    attendees: tuple[str, ...] = ()
    appointment_key: str = ""
    organizer_self: bool = True

    @property
    def ref(self) -> ExternalRef:
        """Where it is, as it is now."""
        return ExternalRef(self.id, self.etag)


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of changes.

    Args:
        next_page: Where to go on; empty on the last page.
        cursor: Where the next sync begins; only on the last page.
    """

    events: Sequence[ExternalEvent]
    next_page: str = ""
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """A push channel that is wanted.

    Args:
        channel_id: Ours, a UUID.
        address: Where the provider posts to; ``https``.
        token: Comes back with every notification (``CalendarSync.channel_token``).
        ttl: Seconds it should live.
    """

    channel_id: str
    address: str
    token: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Watch:
    """A push channel that the provider opened.

    Args:
        external_id: The provider's id of the channel; ours where it takes ours.
        resource_id: The provider's id of what is watched; empty where it has none.
        expires_at: Milliseconds.
    """

    external_id: str
    resource_id: str
    expires_at: int


class Changed(Exception):
    """The event is not as we last knew it (412).

    Args:
        event: As it is now.
    """

    def __init__(self, event: ExternalEvent) -> None:
        super().__init__("the event was changed there")
        self.event = event


class Gone(Exception):
    """There is no such event any more (404, 410)."""


class CursorExpired(Exception):
    """The provider forgot the cursor (410): everything is to be read anew."""


@dataclass(frozen=True, slots=True)
class CalendarProvider:
    """Adapts one provider's calendar; the engine does everything else.

    Every call uses the connection's client and raises its errors, beside those named here.

    Args:
        service: Of its connections, such as ``google_calendar``.
        title: For people.
        insert: Makes the event; called again with the same ``uid`` it returns the one that exists, even when that
            one is cancelled.
        update: Makes the event like ours, provided that it is as the ref says. Raises ``Changed``, ``Gone``.
        delete: Removes it; gone already is success.
        get: Returns the event with this id, as ``cancelled`` where a deleted one is still known, else None.
        changes: Pages of changes from a position: empty for a full sync, the ``cursor`` of an earlier sync, or the
            ``next_page`` at which an earlier one stopped. Positions are the provider's own, opaque here.
            Raises ``CursorExpired``.
        watch: Opens a push channel.
        renew: Prolongs one; None where a new one is to be opened instead.
        unwatch: Closes one; gone already is success.
        notify_path: Where notifications arrive, a path of the plugin's; empty where the provider sends none.
    """

    service: str
    title: str
    insert: Callable[[Connection, CalendarEvent], Awaitable[ExternalEvent]]
    update: Callable[[Connection, ExternalRef, CalendarEvent], Awaitable[ExternalEvent]]
    delete: Callable[[Connection, ExternalRef], Awaitable[None]]
    get: Callable[[Connection, str], Awaitable[ExternalEvent | None]]
    changes: Callable[[Connection, str], AsyncIterator[ChangePage]]
    watch: Callable[[Connection, WatchRequest], Awaitable[Watch]]
    unwatch: Callable[[Connection, Watch], Awaitable[None]]
    renew: Callable[[Connection, Watch, WatchRequest], Awaitable[Watch]] | None = None
    notify_path: str = ""


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How a connection's calendar is synced.

    Args:
        last_sync_at: When the last sync finished (ms); None before the first.
    """

    mode: SyncMode = "one-way"
    last_sync_at: int | None = None


class CalendarSync(Protocol):
    """The engine; found with ``ctx.service(CalendarSync)`` by the plugins whose providers it drives."""

    async def poll(self, connection: Connection) -> None:
        """Sync a connection's calendar: what the plugin's task for each connection runs."""
        ...

    async def push_due(self, connection_id: str) -> None:
        """Write what waits to be written to a connection's calendar."""
        ...

    async def notified(
        self, service: str, channel_id: str, resource_id: str, state: str, message_number: int
    ) -> None:
        """Take a push notification whose token was checked; a repeated, late or unknown one does no harm.

        Args:
            service: Of the connection.
            channel_id: Ours.
            resource_id: As the provider told it when the channel was opened; empty when it does not say.
            state: ``sync`` greets a new channel; ``renew`` asks for it to be prolonged now; ``removed`` says that
                the provider has ended it, so that another is opened; anything else that the calendar has changed.
            message_number: Counted up by the provider; 0 where it does not count.
        """
        ...

    def channel_token(self, channel_id: str) -> str:
        """Return the token of a channel; compare it in constant time."""
        ...

    async def event_of(self, connection: Connection, appointment_id: int) -> str | None:
        """Return the id of an appointment's event in a calendar, which is written first if it waits to be.

        Empty while it is still waited for; None when the appointment does not stand in that calendar.
        """
        ...

    async def settings(self, connection: Connection) -> SyncSettings:
        """Return how a connection's calendar is synced."""
        ...

    async def set_mode(self, connection: Connection, mode: SyncMode) -> None:
        """Choose how a connection's calendar is synced."""
        ...

    async def forget(self, connection_id: str) -> None:
        """Close a connection's channels and delete what is kept of its calendar; called on disconnect."""
        ...
