"""The parts of booking, put together once for each server."""

from __future__ import annotations

from rallypoint.domains.booking.appointments.booker import Booker
from rallypoint.domains.booking.appointments.lifecycle import Lifecycle
from rallypoint.domains.booking.appointments.making import Making
from rallypoint.domains.booking.appointments.service import AppointmentService
from rallypoint.domains.booking.availability.busy import BusySources
from rallypoint.domains.booking.availability.service import AvailabilityService
from rallypoint.domains.booking.calendars.engine import Calendars
from rallypoint.domains.booking.calls.service import CallService
from rallypoint.domains.booking.meetings.ledger import Ledger
from rallypoint.domains.booking.meetings.providers import MeetingProviders
from rallypoint.domains.booking.meetings.service import MeetingService
from rallypoint.domains.booking.meetings.wishes import Wishes
from rallypoint.domains.booking.meetings.worker import MeetingWork
from rallypoint.domains.booking.practitioners.service import PractitionerService
from rallypoint.domains.customers.api import Customers
from rallypoint.errors import Unavailable
from rallypoint.plugins.context import PluginContext, ServiceMissing


class BookingDomain:
    """What the hooks of booking share.

    Args:
        ctx: The kernel's services.
    """

    def __init__(self, ctx: PluginContext) -> None:
        kernel = ctx.kernel
        database, vault = kernel.database, kernel.vault

        def customers() -> Customers:
            try:
                return ctx.service(Customers)
            except ServiceMissing:
                raise Unavailable("Customers are switched off on this server") from None

        self.lifecycle = Lifecycle(kernel.outbox)
        wishes = Wishes(kernel.jobs)
        self.lifecycle.follow(wishes.follow)
        self.providers = MeetingProviders(kernel.hooks)
        ledger = Ledger(database, self.lifecycle, vault)
        self.meeting_work = MeetingWork(database, ledger, self.providers, vault, kernel.jobs, ctx.log)
        self.meetings = MeetingService(database, wishes, ledger, self.providers, vault)
        self.practitioners = PractitionerService(database)
        self.busy = BusySources(kernel.hooks, ctx.log)
        self.availability = AvailabilityService(database, self.busy)
        self.booker = Booker(database, self.lifecycle, Making(customers), wishes, self.providers)
        self.calendars = Calendars(kernel, self.booker, sign=ctx.sign, public_url=ctx.public_url)
        self.lifecycle.follow(self.calendars.links.appointment_changed)
        self.appointments = AppointmentService(database, self.booker, vault)
        self.calls = CallService(database, kernel.outbox, customers)
