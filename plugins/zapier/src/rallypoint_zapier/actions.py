"""Actions: what a Zap does here, with the same rules and events as the API."""

from __future__ import annotations

from rallypoint.domains.booking.api import AppointmentView, NewAppointment
from rallypoint.sdk import PluginContext, Principal
from rallypoint_zapier.booking import appointments
from rallypoint_zapier.schemas import (
    AppointmentOut,
    CancelAppointment,
    CreateAppointment,
    RescheduleAppointment,
)
from rallypoint_zapier.times import moment


class Actions:
    """Books, moves and cancels for the owner of a key.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx = ctx

    async def create(self, caller: Principal, wanted: CreateAppointment) -> AppointmentOut:
        """Book an appointment; errors as ``Appointments.create``."""
        view = await appointments(self._ctx).create(
            account_id=caller.account_id,
            mode=caller.mode,
            user_id=caller.user_id,
            new=NewAppointment(
                start=wanted.scheduled_at,
                duration=wanted.duration,
                practitioner_id=wanted.practitioner_id,
                customer_id=wanted.customer_id,
                customer_name=wanted.customer_name,
                customer_email=wanted.customer_email,
                customer_phone=wanted.customer_phone,
                session_type=wanted.session_type,
                notes=wanted.notes,
                meeting=wanted.meeting or False,
            ),
        )
        return shown(view)

    async def reschedule(self, caller: Principal, wanted: RescheduleAppointment) -> AppointmentOut:
        """Move an appointment; errors as ``Appointments.reschedule``."""
        view = await appointments(self._ctx).reschedule(
            account_id=caller.account_id,
            mode=caller.mode,
            appointment_id=wanted.appointment_id,
            start=wanted.scheduled_at,
            duration=wanted.duration,
            actor_id=caller.user_id,
        )
        return shown(view)

    async def cancel(self, caller: Principal, wanted: CancelAppointment) -> AppointmentOut:
        """Cancel an appointment; errors as ``Appointments.cancel``."""
        view = await appointments(self._ctx).cancel(
            account_id=caller.account_id,
            mode=caller.mode,
            appointment_id=wanted.appointment_id,
            reason=wanted.reason,
            actor_id=caller.user_id,
        )
        return shown(view)


def shown(view: AppointmentView) -> AppointmentOut:
    """Return an appointment as its events show it."""
    return AppointmentOut(
        id=f"appt_{view.id}",
        customer_id=f"cust_{view.customer_id}",
        customer_name=view.customer_name,
        customer_email=view.customer_email,
        customer_phone=view.customer_phone,
        practitioner_id=view.practitioner_id,
        practitioner_name=view.practitioner_name,
        scheduled_at=moment(view.start),
        timezone=view.timezone,
        duration=view.duration,
        status="scheduled" if view.status == "confirmed" else view.status,
        session_type=view.session_type,
        notes=view.notes,
        reason=view.reason,
        meeting_url=view.meeting_url,
    )
