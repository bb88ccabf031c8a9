"""Appointments as others see and change them. Times are milliseconds since the epoch, UTC; lengths are minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rallypoint.identity.api import Mode

AppointmentStatus = Literal["confirmed", "cancelled", "completed"]
Platform = str
"""Where a meeting is held, as the meeting providers name it: ``zoom``, ``google-meet``, ``teams``."""

APPOINTMENT_EVENTS = (
    "appointment.created",
    "appointment.updated",
    "appointment.cancelled",
    "appointment.completed",
)
EVENTS = (*APPOINTMENT_EVENTS, "call.received")
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time; ``end`` is the first millisecond after it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AppointmentView:
    """An appointment after an operation.

    Args:
        id: Integer; ``appt_<id>`` in events.
        user_id: UUID of the user who made it.
        practitioner_id: None for an appointment with nobody in particular.
        host_user_id: Whose calendars it stands in: the practitioner's user, else who made it.
        timezone: IANA name, the practitioner's; ``UTC`` without one.
        customer_id: UUID; ``cust_<uuid>`` in events.
        duration: Minutes.
        reason: Why it was cancelled.
        seq: Of its latest event; grows with every change.
        sequence: iCalendar's ``SEQUENCE`` (RFC 5545 §3.8.7.4): grows when its time changes and when it is
            cancelled.
        meeting_url: Of its meeting; empty while it has none.
    """

    id: int
    account_id: str
    mode: Mode
    user_id: str
    practitioner_id: int | None
    practitioner_name: str
    host_user_id: str
    practitioner_email: str
    timezone: str
    customer_id: str
    customer_name: str
    customer_email: str
    customer_phone: str
    start: int
    duration: int
    status: AppointmentStatus
    notes: str
    session_type: str
    reason: str
    seq: int
    sequence: int
    updated_at: int
    meeting_url: str = ""

    @property
    def end(self) -> int:
        """The first millisecond after it."""
        return self.start + self.duration * _MINUTE


@dataclass(frozen=True, slots=True)
class NewAppointment:
    """What an appointment is made from.

    Args:
        start: Milliseconds.
        duration: Minutes; None for the practitioner's slot at that time, else 60.
        practitioner_id: Of the same account; None for an appointment with nobody in particular, whose
            ``practitioner_name`` and ``timezone`` (IANA) may then be said.
        customer_id: UUID of a customer of the account; empty to find or make one from the other fields.
        meeting: A platform; ``True`` for the practitioner's preferred one; ``False`` for no meeting.
    """

    start: int
    duration: int | None = None
    practitioner_id: int | None = None
    practitioner_name: str = ""
    timezone: str = "UTC"
    customer_id: str = ""
    customer_name: str = ""
    customer_email: str = ""
    customer_phone: str = ""
    session_type: str = ""
    notes: str = ""
    meeting: Platform | bool = False


class Appointments(Protocol):
    """Appointments, for plugins; found with ``ctx.service(Appointments)``.

    Everything joins the transaction under way. Each change raises the same event as the API. ``origin`` is the
    id of the connection whose calendar made the change, to which it is then not written back; ``actor_id`` is
    the UUID of the user who acts, None when a provider or time does.
    """

    async def get(self, *, account_id: str, mode: Mode, appointment_id: int) -> AppointmentView:
        """Return an appointment.

        Raises:
            NotFound: The account has none such.
        """
        ...

    async def practitioner_of(self, *, account_id: str, mode: Mode, user_id: str) -> int | None:
        """Return the practitioner who is this user, the one made first of several; None for none."""
        ...

    async def create(
        self, *, account_id: str, mode: Mode, user_id: str, new: NewAppointment, origin: str = ""
    ) -> AppointmentView:
        """Book an appointment.

        Raises:
            Conflict: The practitioner has a confirmed appointment that overlaps (``SLOT_TAKEN``).
            NotFound: The account has no such practitioner or customer.
            ValidationFailed: A field is out of its limits, or no provider serves the platform asked for.
        """
        ...

    async def reschedule(
        self,
        *,
        account_id: str,
        mode: Mode,
        appointment_id: int,
        start: int | None = None,
        duration: int | None = None,
        changes: Mapping[str, Any] | None = None,
        origin: str = "",
        actor_id: str | None = None,
    ) -> AppointmentView:
        """Move a confirmed appointment, or change what it says; nothing happens when nothing changes.

        ``start`` and ``duration`` (minutes) stay when they are None. ``changes`` holds new values of ``notes``,
        ``session_type``, ``customer_name``, ``customer_email`` and ``customer_phone``.

        Raises:
            NotFound: The account has none such.
            Conflict: The new time is taken (``SLOT_TAKEN``), or it is not confirmed any more (``NOT_CONFIRMED``).
        """
        ...

    async def cancel(
        self,
        *,
        account_id: str,
        mode: Mode,
        appointment_id: int,
        reason: str = "",
        origin: str = "",
        actor_id: str | None = None,
    ) -> AppointmentView:
        """Cancel a confirmed appointment; one cancelled already stays as it is, without an event.

        Raises:
            NotFound: The account has none such.
            Conflict: It is completed (``NOT_CONFIRMED``).
        """
        ...

    async def complete(
        self, *, account_id: str, mode: Mode, appointment_id: int, actor_id: str | None = None
    ) -> AppointmentView:
        """Say that a confirmed appointment took place; one completed already stays as it is.

        Raises:
            NotFound: The account has none such.
            Conflict: It is cancelled (``NOT_CONFIRMED``).
        """
        ...

    async def recent(
        self, *, account_id: str, mode: Mode, event: str, limit: int = 10
    ) -> Sequence[Mapping[str, Any]]:
        """Return bodies of one of :data:`EVENTS` as it would read for the account's latest items, newest first."""
        ...
