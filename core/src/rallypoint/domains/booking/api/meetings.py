"""Meetings: what plugins provide, and the service by which their routes and appointments use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rallypoint.domains.booking.api.appointments import AppointmentView, Platform
from rallypoint.identity.api import Mode


@dataclass(frozen=True, slots=True)
class MeetingRequest:
    """A meeting as it should be.

    Args:
        user_id: UUID of the user whose connection or whose account it is made with.
        host_email: Of the practitioner; may be empty when an appointment asks.
        guest_email: Of the customer; may be empty.
        start: Milliseconds, UTC.
        duration: Minutes.
        timezone: IANA name of the zone to show it in.
        request_id: The same for every try, so that a provider can tell a repeat.
    """

    account_id: str
    mode: Mode
    user_id: str
    host_email: str
    guest_email: str
    topic: str
    description: str
    start: int
    duration: int
    timezone: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting as the provider made it.

    Args:
        url: Where guests join.
        meeting_id: The provider's, as its users see it.
        host_url: Where the host starts it; a secret of the host.
        external: The provider's own keys by which it is changed and cancelled; JSON-able, kept with it.
    """

    url: str
    meeting_id: str
    password: str = ""
    host_url: str = ""
    dial_in: str = ""
    external: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeetingProvider:
    """How meetings of a platform are made.

    Each call may be repeated after a lost reply: the request's ``request_id`` stays. They raise the plugin
    errors: ``RetryLater`` is tried again, ``NeedsReauth`` waits for the owner, ``PermanentFailure`` ends it.

    Args:
        platform: Unique on the server.
        title: For people.
        create: Makes the meeting.
        update: Makes it like the request; returns it as it is now.
        cancel: Removes it; one that is gone counts as removed.
    """

    platform: Platform
    title: str
    create: Callable[[MeetingRequest], Awaitable[Meeting]]
    update: Callable[[MeetingRequest, Meeting], Awaitable[Meeting]]
    cancel: Callable[[MeetingRequest, Meeting], Awaitable[None]]


class Meetings(Protocol):
    """Meetings, for the plugins' routes; found with ``ctx.service(Meetings)``."""

    async def create(
        self, platform: Platform, request: MeetingRequest, *, appointment_id: int | None = None
    ) -> Meeting:
        """Make a meeting now; calls the provider, so it must not be awaited inside a transaction.

        Args:
            platform: One that a loaded plugin provides.
            request: What is asked for. Its time is the appointment's from then on, when there is one.
            appointment_id: The meeting is then stored with the appointment, and moves and is cancelled with it;
                asked again for the same platform, the stored one is returned.

        Raises:
            NotFound: The account has no such appointment.
            Conflict: The appointment is not confirmed.
            PluginError: As the provider raises it.
        """
        ...

    async def appointment_of(self, *, account_id: str, mode: Mode, request_id: str) -> AppointmentView | None:
        """Return the appointment that a meeting was made for, by the meeting's ``request_id``; None for none."""
        ...
