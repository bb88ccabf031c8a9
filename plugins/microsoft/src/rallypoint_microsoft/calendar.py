"""An Outlook calendar as the sync engine drives it: the user's default calendar."""

from __future__ import annotations

from rallypoint.domains.booking.api import (
    CalendarEvent,
    CalendarProvider,
    Changed,
    ExternalEvent,
    ExternalRef,
    Gone,
)
from rallypoint.sdk import Connection, PermanentFailure, PluginContext
from rallypoint_microsoft.client import call
from rallypoint_microsoft.delta import Delta
from rallypoint_microsoft.events import EVENTS, by_key, find, is_gone, keyed, known, path_of
from rallypoint_microsoft.mapping import PREFER, written
from rallypoint_microsoft.services import CALENDAR, OUTLOOK
from rallypoint_microsoft.settings import settings_of
from rallypoint_microsoft.subscriptions import NOTIFICATIONS, renew, unwatch, watch


class OutlookCalendar:
    """Adapts Microsoft Graph's calendar.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._push = settings_of(ctx).push
        self._delta = Delta(ctx)

    def provider(self) -> CalendarProvider:
        """Return it for the engine."""
        return CalendarProvider(
            service=CALENDAR,
            title=OUTLOOK.title,
            insert=self.insert,
            update=self.update,
            delete=self.delete,
            get=self.get,
            changes=self._delta.changes,
            watch=watch,
            unwatch=unwatch,
            renew=renew,
            notify_path=NOTIFICATIONS if self._push else "",
        )

    async def insert(self, connection: Connection, event: CalendarEvent) -> ExternalEvent:
        """Make an event; the one that an earlier try made is returned.

        Graph answers a repeated order with the event it made, as long as that is unchanged
        (``transactionId``); when it is not, 409.
        """
        body = {**written(event), **keyed(event.uid)}
        try:
            return known(await call(connection.client, "POST", EVENTS, body=body, prefer=PREFER))
        except PermanentFailure as refused:
            existing = await by_key(connection, event.uid) if refused.status == 409 else None
            if existing is None:
                raise
            return known(existing)

    async def update(self, connection: Connection, ref: ExternalRef, event: CalendarEvent) -> ExternalEvent:
        """Change an event to ours, provided that it is as we know it; what users added to it stays."""
        path, body = path_of(ref.id), written(event)
        try:
            return known(
                await call(connection.client, "PATCH", path, body=body, etag=ref.etag, prefer=PREFER)
            )
        except PermanentFailure as refused:
            raise await self._contradiction(connection, ref, refused) from None

    async def delete(self, connection: Connection, ref: ExternalRef) -> None:
        """Remove an event, of which Outlook tells its guests; one that is gone already counts."""
        try:
            await call(connection.client, "DELETE", path_of(ref.id))
        except PermanentFailure as refused:
            if not is_gone(refused):
                raise

    async def get(self, connection: Connection, event_id: str) -> ExternalEvent | None:
        """Return an event; Graph forgets deleted ones."""
        found = await find(connection, event_id)
        return None if found is None else known(found)

    async def _contradiction(
        self, connection: Connection, ref: ExternalRef, refused: PermanentFailure
    ) -> Exception:
        if is_gone(refused):
            return Gone()
        if refused.status != 412:
            return refused
        now = await self.get(connection, ref.id)
        return Gone() if now is None else Changed(now)
