"""The appointments of this server, which an operator may have switched off."""

from __future__ import annotations

from rallypoint.domains.booking.api import Appointments
from rallypoint.sdk import PluginContext, ServiceMissing, Unavailable


def appointments(ctx: PluginContext) -> Appointments:
    """Return the service.

    Raises:
        Unavailable: Booking is switched off on this server.
    """
    try:
        return ctx.service(Appointments)
    except ServiceMissing:
        raise Unavailable("This server has no appointments") from None
