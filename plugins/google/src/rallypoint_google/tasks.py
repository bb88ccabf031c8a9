"""What happens at intervals: a look at each calendar and each mailbox, pushes or no pushes."""

from __future__ import annotations

from rallypoint.domains.booking.api import CalendarSync
from rallypoint.sdk import Connection, PluginContext, Task
from rallypoint_google.gmail.sync import MailSync
from rallypoint_google.services import CALENDAR, GMAIL
from rallypoint_google.settings import settings_of

_LONGEST = 600.0


def calendar_task(ctx: PluginContext) -> Task:
    """Return the poll of the calendars, which makes up for announcements that are lost."""

    async def poll(connection: Connection | None) -> None:
        if connection is not None:
            await ctx.service(CalendarSync).poll(connection)

    every = settings_of(ctx).poll_seconds
    return Task("calendar", every=every, run=poll, service=CALENDAR, timeout=_LONGEST)


def mail_task(ctx: PluginContext) -> Task:
    """Return the look at the mailboxes."""
    every = settings_of(ctx).gmail_poll_seconds
    return Task("gmail", every=every, run=ctx.once(MailSync).run, service=GMAIL, timeout=_LONGEST)
