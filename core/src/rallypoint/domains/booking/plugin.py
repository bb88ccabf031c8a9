"""Booking as a plugin: the same hooks as any provider's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rallypoint.domains.booking.api import Appointments, BusySource, CalendarSync, Meetings
from rallypoint.domains.booking.appointments.channel import AppointmentChannel
from rallypoint.domains.booking.appointments.events import SUMMARIES, AppointmentEvent
from rallypoint.domains.booking.appointments.routes import appointment_routes
from rallypoint.domains.booking.availability.routes import availability_routes
from rallypoint.domains.booking.calls.records import RECEIVED
from rallypoint.domains.booking.calls.routes import call_routes
from rallypoint.domains.booking.calls.schemas import CallEvent
from rallypoint.domains.booking.domain import BookingDomain
from rallypoint.domains.booking.meetings.wishes import WORK
from rallypoint.domains.booking.meetings.worker import SWEEP_SECONDS
from rallypoint.domains.booking.practitioners.routes import practitioner_routes
from rallypoint.sdk import Channel, EventType, PluginContext, Route, hookimpl


@hookimpl
def register_models() -> str:
    """Name the tables of booking."""
    return "rallypoint.domains.booking.models"


@hookimpl
def register_events() -> Sequence[EventType]:
    """Declare the documented events."""
    told = [EventType(name, summary, AppointmentEvent) for name, summary in SUMMARIES.items()]
    return [*told, EventType(RECEIVED, "A call was received", CallEvent)]


@hookimpl
def register_services(ctx: PluginContext) -> Mapping[type, object]:
    """Offer appointments, meetings and the calendars' sync to plugins."""
    domain = ctx.once(BookingDomain)
    return {Appointments: domain.booker, Meetings: domain.meetings, CalendarSync: domain.calendars}


@hookimpl
def register_busy_sources(ctx: PluginContext) -> Sequence[BusySource]:
    """Let the events of connected calendars take up time."""
    return [ctx.once(BookingDomain).calendars.busy_source()]


@hookimpl
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Serve booking.md's availability and the resources beside it."""
    domain = ctx.once(BookingDomain)
    return [
        *practitioner_routes(domain.practitioners),
        *availability_routes(domain.availability, ctx.log),
        *appointment_routes(domain.appointments),
        *call_routes(domain.calls),
    ]


@hookimpl
def register_channels(ctx: PluginContext) -> Sequence[Channel]:
    """Let sockets follow appointments."""
    return [AppointmentChannel(ctx.once(BookingDomain).appointments, ctx.kernel.outbox)]


@hookimpl
async def startup(ctx: PluginContext) -> None:
    """Collect what other plugins add, and do the work that waits."""
    domain = ctx.once(BookingDomain)
    await domain.providers.collect()
    await domain.busy.collect()
    # Meetings before calendars, as in every change of an appointment: rows are locked in one order everywhere.
    ctx.kernel.connections.observe(domain.meeting_work.connection_changed)
    await domain.calendars.start()

    async def wake(_key: str) -> None:
        await domain.meeting_work.run()

    ctx.kernel.jobs.handle(WORK, wake)
    ctx.kernel.jobs.every(SWEEP_SECONDS, f"{WORK}.sweep", domain.meeting_work.run)
