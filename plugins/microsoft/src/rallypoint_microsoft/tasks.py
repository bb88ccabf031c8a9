"""What happens at intervals: a look at each calendar, pushes or no pushes."""

from __future__ import annotations

from rallypoint.domains.booking.api.connecting import calendar_task as shared_task
from rallypoint.sdk import PluginContext, Task
from rallypoint_microsoft.services import OUTLOOK
from rallypoint_microsoft.settings import settings_of


def calendar_task(ctx: PluginContext) -> Task:
    """Return the poll of the calendars."""
    return shared_task(ctx, OUTLOOK, every=settings_of(ctx).poll_seconds)
