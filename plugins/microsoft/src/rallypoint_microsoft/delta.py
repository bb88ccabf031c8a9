"""What changed in a calendar, page by page: Graph's delta over a window of time that moves on.

https://learn.microsoft.com/graph/delta-query-events

Graph tells changes within two dates only, which are fixed when a look at everything begins. So a position carries,
beside Graph's own link, when its window is too old: then everything is read anew, with a window from today on. What
moved out of the window is told as removed, so of everything that is told as removed Graph is asked whether it is
still there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rallypoint.domains.booking.api import ChangePage, CursorExpired, ExternalEvent
from rallypoint.sdk import Connection, PermanentFailure, PluginContext, RetryLater
from rallypoint_microsoft.client import ask
from rallypoint_microsoft.events import find
from rallypoint_microsoft.mapping import PREFER, moment, read, removed
from rallypoint_microsoft.series import Series
from rallypoint_microsoft.settings import MicrosoftSettings, settings_of

VIEW = "/me/calendarView/delta"
DAY_MS = 86_400_000
ROLL_MS = 30 * DAY_MS
"""How long a window serves before it is moved on."""

_AT_ONCE = 3  # Outlook serves four requests of a mailbox at a time
_FEW = 10
_FORGOTTEN = frozenset({"syncStateNotFound", "syncStateInvalid", "resyncRequired"})


class Delta:
    """Reads changes.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx = ctx
        self._settings: MicrosoftSettings = settings_of(ctx)

    async def changes(self, connection: Connection, position: str) -> AsyncIterator[ChangePage]:
        """Yield what changed; see ``CalendarProvider.changes``."""
        place = json.loads(position) if position else self._beginning()
        if "page" not in place and _now() >= place["until"]:
            raise CursorExpired("the window of time has moved on")
        series = Series(connection)
        while True:
            reply = await self._page(connection, place)
            page = ChangePage(await self._events(connection, reply, series), *self._where_next(place, reply))
            yield page
            if not page.next_page:
                return
            place = json.loads(page.next_page)

    def _beginning(self) -> dict[str, Any]:
        now = _now()
        params = {
            "startDateTime": moment(now - self._settings.look_back_days * DAY_MS),
            "endDateTime": moment(now + self._settings.look_ahead_days * DAY_MS),
        }
        return {"path": VIEW, "params": params, "until": now + ROLL_MS, "page": 1}

    async def _page(self, connection: Connection, place: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await self._ask(connection, place, self._settings.page_size)
        except PermanentFailure as refused:
            if refused.status == 410 or refused.reason_code in _FORGOTTEN:
                raise CursorExpired("Microsoft forgot where the sync stood") from None
            if (
                refused.status is None
            ):  # the reply is over the core's size limit: long texts, so fewer of them
                return await self._ask(connection, place, _FEW)
            raise

    async def _ask(self, connection: Connection, place: Mapping[str, Any], size: int) -> dict[str, Any]:
        prefer = f"{PREFER}, odata.maxpagesize={size}"
        reply = await ask(connection.client, place["path"], place["params"], prefer=prefer)
        if not isinstance(reply.get("value"), list):
            raise RetryLater("Microsoft's reply is no list of events")
        return reply

    async def _events(
        self, connection: Connection, reply: Mapping[str, Any], series: Series
    ) -> list[ExternalEvent]:
        items = [one for one in reply["value"] if isinstance(one, dict)]
        await series.learn([one for one in items if "@removed" not in one])
        found = [event for one in items if "@removed" not in one and (event := self._read(series.whole(one)))]
        gone = [str(one["id"]) for one in items if "@removed" in one and one.get("id")]
        return [*found, *await self._gone(connection, gone, series)]

    def _read(self, item: Mapping[str, Any]) -> ExternalEvent | None:
        try:
            return read(item)
        except (KeyError, ValueError, TypeError, AttributeError):  # one odd event must not hide the others
            self._ctx.log.warning("an event that cannot be read")
            return None

    async def _gone(self, connection: Connection, ids: list[str], series: Series) -> list[ExternalEvent]:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def look(event_id: str) -> ExternalEvent:
            async with turns:
                item = await find(connection, event_id)
            if item is None:
                return removed(event_id)
            await series.learn([item])
            return self._read(series.whole(item)) or removed(event_id)

        try:
            async with asyncio.TaskGroup() as group:
                looks = [group.create_task(look(event_id)) for event_id in dict.fromkeys(ids)]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return [one.result() for one in looks]

    def _where_next(self, place: Mapping[str, Any], reply: Mapping[str, Any]) -> tuple[str, str]:
        """Return the positions of the next page and of the next look, one of which is empty."""
        kept = {"until": place["until"]}
        if link := reply.get("@odata.nextLink"):
            return json.dumps({**self._place(link), **kept, "page": 1}), ""
        if link := reply.get("@odata.deltaLink"):
            return "", json.dumps({**self._place(link), **kept})
        raise RetryLater("Microsoft's last page does not say where to go on")

    def _place(self, link: Any) -> dict[str, Any]:
        """Return where a link of Graph's leads, which must be Graph: the token goes nowhere else."""
        base = urlsplit(self._settings.api_url.rstrip("/"))
        parts = urlsplit(str(link))
        same = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
        if not same or not parts.path.startswith(f"{base.path}/"):
            raise RetryLater("Microsoft's link leads elsewhere")
        return {"path": parts.path.removeprefix(base.path), "params": dict(parse_qsl(parts.query))}


def _now() -> int:
    return time.time_ns() // 1_000_000
