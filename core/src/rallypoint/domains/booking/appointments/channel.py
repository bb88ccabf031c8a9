"""``appointment:<id>`` on every transport: a join answers with the appointment, then every event follows."""

from __future__ import annotations

from typing import ClassVar

from rallypoint.domains.booking.appointments.service import AppointmentService
from rallypoint.errors import NotFound
from rallypoint.events.outbox import Outbox
from rallypoint.realtime.channel import Channel, Join, Joined, Refused, Replay


class AppointmentChannel(Channel):
    """The account's own may follow an appointment.

    Args:
        appointments: Decides who may see what.
        outbox: Remembers what a rejoin missed.
    """

    pattern: ClassVar[str] = "appointment:{appointment_id}"

    def __init__(self, appointments: AppointmentService, outbox: Outbox) -> None:
        self._appointments, self._outbox = appointments, outbox

    async def join(self, join: Join) -> Joined:
        """Answer with the appointment."""
        try:
            shown = await self._appointments.get(join.principal, join.variables["appointment_id"])
        except NotFound:
            raise Refused("not_found") from None
        return Joined({"appointment": shown})

    async def replay(self, topic: str, since: str) -> Replay:
        """Return the appointment's events after the one with id ``since``."""
        return await self._outbox.since(topic, since)
