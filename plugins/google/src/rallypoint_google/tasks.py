"""What happens at intervals to mailboxes; the look at calendars is the same for all providers."""

from __future__ import annotations

from rallypoint.sdk import PluginContext, Task
from rallypoint_google.gmail.sync import MailSync
from rallypoint_google.services import GMAIL
from rallypoint_google.settings import settings_of

_LONGEST = 600.0


def mail_task(ctx: PluginContext) -> Task:
    """Return the look at the mailboxes."""
    every = settings_of(ctx).gmail_poll_seconds
    return Task("gmail", every=every, run=ctx.once(MailSync).run, service=GMAIL, timeout=_LONGEST)
