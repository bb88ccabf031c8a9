"""Google Calendar as the sync engine drives it: the user's primary calendar."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from rallypoint.domains.booking.api import (
    CalendarEvent,
    CalendarProvider,
    Changed,
    ChangePage,
    CursorExpired,
    ExternalEvent,
    ExternalRef,
    Gone,
    Watch,
    WatchRequest,
)
from rallypoint.sdk import Connection, PermanentFailure, PluginContext, RetryLater
from rallypoint_google.client import ask, call
from rallypoint_google.mapping import FIELDS, UNREADABLE, guests, moment, read, written
from rallypoint_google.services import CALENDAR
from rallypoint_google.settings import GoogleSettings, settings_of

EVENTS = "/calendar/v3/calendars/primary/events"
NOTIFICATIONS = "/integrations/google/notifications"
_PAGE_FIELDS = f"nextPageToken,nextSyncToken,timeZone,items({FIELDS})"
_DAY_MS = 86_400_000
_SMALLER = (25, 1)
"""Sizes of a page that is tried again because it is over the core's limit of a reply: it has long texts."""
_GUESTS = {"fields": "attendees,extendedProperties/private"}
_ALWAYS = {"singleEvents": "true", "maxAttendees": "25", "fields": _PAGE_FIELDS}


class GoogleCalendar:
    """Adapts the Calendar API.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx = ctx
        self._settings: GoogleSettings = settings_of(ctx)

    def provider(self) -> CalendarProvider:
        """Return it for the engine."""
        return CalendarProvider(
            service=CALENDAR,
            title="Google Calendar",
            insert=self.insert,
            update=self.update,
            delete=self.delete,
            get=self.get,
            changes=self.changes,
            watch=self.watch,
            unwatch=self.unwatch,
            notify_path=NOTIFICATIONS if self._settings.push else "",
        )

    async def insert(self, connection: Connection, event: CalendarEvent) -> ExternalEvent:
        """Make an event under our own id; the one that an earlier try made is returned."""
        body = {**written(event), "id": event.uid}
        try:
            reply = await call(connection.client, "POST", EVENTS, params={"fields": FIELDS}, body=body)
        except PermanentFailure as refused:
            existing = await self.get(connection, event.uid) if refused.status == 409 else None
            if existing is None:
                raise
            return existing
        return _event(reply)

    async def update(self, connection: Connection, ref: ExternalRef, event: CalendarEvent) -> ExternalEvent:
        """Change an event to ours, provided that it is as we know it; what users added to it stays."""
        path, params, body = _path(ref.id), {"fields": FIELDS}, written(event)
        try:
            if not event.only_time:
                existing = await ask(connection.client, path, _GUESTS)
                body["attendees"] = guests(existing, event)
            reply = await call(connection.client, "PATCH", path, params=params, body=body, etag=ref.etag)
        except PermanentFailure as refused:
            raise await self._contradiction(connection, ref, refused) from None
        return _event(reply)

    async def delete(self, connection: Connection, ref: ExternalRef) -> None:
        """Remove an event; one that is gone already counts."""
        try:
            await call(connection.client, "DELETE", _path(ref.id))
        except PermanentFailure as refused:
            if refused.status not in (404, 410):
                raise

    async def get(self, connection: Connection, event_id: str) -> ExternalEvent | None:
        """Return an event; a deleted one as cancelled while Google still knows it."""
        try:
            return _event(await ask(connection.client, _path(event_id), {"fields": FIELDS}))
        except PermanentFailure as refused:
            if refused.status in (404, 410):
                return None
            raise

    async def changes(self, connection: Connection, position: str) -> AsyncIterator[ChangePage]:
        """Yield what changed, page by page, instances of recurring events each by itself.

        A position is the parameters that stay the same over the pages of one look, as JSON.
        """
        place: dict[str, str] = json.loads(position) if position else self._beginning()
        while True:
            reply = await self._page(connection, place)
            page = ChangePage(list(self._readable(reply)), *_where_next(place, reply))
            yield page
            if not page.next_page:
                return
            place = json.loads(page.next_page)

    async def watch(self, connection: Connection, request: WatchRequest) -> Watch:
        """Have Google announce changes to our webhook."""
        body = {
            "id": request.channel_id,
            "type": "web_hook",
            "address": request.address,
            "token": request.token,
            "expiration": str(time.time_ns() // 1_000_000 + request.ttl * 1000),
        }
        reply = await call(connection.client, "POST", f"{EVENTS}/watch", body=body)
        try:
            return Watch(request.channel_id, str(reply["resourceId"]), int(reply["expiration"]))
        except (KeyError, TypeError, ValueError):
            raise RetryLater("Google's reply about a channel cannot be read") from None

    async def unwatch(self, connection: Connection, watch: Watch) -> None:
        """Have the announcements end; a channel that is gone already counts."""
        body = {"id": watch.external_id, "resourceId": watch.resource_id}
        try:
            await call(connection.client, "POST", "/calendar/v3/channels/stop", body=body)
        except PermanentFailure as refused:
            if refused.status != 404:
                raise

    def _beginning(self) -> dict[str, str]:
        since = time.time_ns() // 1_000_000 - round(self._settings.look_back_days * _DAY_MS)
        return {"timeMin": moment(since)}

    async def _page(self, connection: Connection, place: Mapping[str, str]) -> dict[str, Any]:
        for size in (self._settings.page_size, *_SMALLER):
            try:
                return await ask(connection.client, EVENTS, {**place, **_ALWAYS, "maxResults": str(size)})
            except PermanentFailure as refused:
                if refused.status == 410:
                    raise CursorExpired("Google forgot the sync token") from None
                if refused.status is not None:
                    raise
        raise PermanentFailure("an event is too long to be read")

    def _readable(self, reply: Mapping[str, Any]) -> list[ExternalEvent]:
        zone, found = str(reply.get("timeZone") or "UTC"), []
        for item in reply.get("items") or ():
            try:
                found.append(read(item, zone))
            except UNREADABLE:  # one odd event must not hide the others
                self._ctx.log.warning("an event that cannot be read")
        return found

    async def _contradiction(
        self, connection: Connection, ref: ExternalRef, refused: PermanentFailure
    ) -> Exception:
        if refused.status in (404, 410):
            return Gone()
        if refused.status != 412:
            return refused
        now = await self.get(connection, ref.id)
        return Gone() if now is None else Changed(now)


def _where_next(place: Mapping[str, str], reply: Mapping[str, Any]) -> tuple[str, str]:
    """Return the positions of the next page and of the next look, one of which is empty."""
    if token := reply.get("nextPageToken"):
        return json.dumps({**place, "pageToken": token}), ""
    if token := reply.get("nextSyncToken"):
        return "", json.dumps({"syncToken": token})
    if isinstance(reply.get("items"), list):
        return "", ""  # an emulator that hands out no sync tokens is read anew each time
    raise RetryLater("Google's reply is no list of events")


def _event(reply: Any) -> ExternalEvent:
    try:
        return read(reply)
    except UNREADABLE:
        raise RetryLater("Google's reply about an event cannot be read") from None


def _path(event_id: str) -> str:
    return f"{EVENTS}/{quote(event_id, safe='')}"
