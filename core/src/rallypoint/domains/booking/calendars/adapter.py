"""A provider's adapter as the engine calls it: as its plugin's code, within a time, for one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from rallypoint.connections.api import Connection
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
from rallypoint.errors import RetryLater
from rallypoint.plugins.context import ExtensionPoints
from rallypoint.plugins.failures import PluginFailed

T = TypeVar("T")
CALL_SECONDS = 60.0
"""How long one call may take, its own repetitions included; less than a claim lasts."""


AHEAD = "booking.calendars.ahead"
"""Name of the tasks that read a page while another is being worked on."""


class AdapterFailed(RetryLater):
    """A bug of the adapter, counted against its plugin already; what it was called with may be to blame."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A calendar provider and the plugin that it is of."""

    plugin: str
    provider: CalendarProvider
    hooks: ExtensionPoints

    def of(self, connection: Connection) -> Calendar:
        """Return one connection's calendar."""
        return Calendar(self, connection)


@dataclass(frozen=True, slots=True)
class Calendar:
    """One connection's calendar.

    Every call raises ``NeedsReauth``, ``RetryLater`` or ``PermanentFailure`` as the provider does; a bug of the
    adapter is :class:`AdapterFailed`.
    """

    adapter: Adapter
    connection: Connection

    async def insert(self, event: CalendarEvent) -> ExternalEvent:
        """Make an event, or return the one that was made before with the same uid."""
        return await self._call("insert", self._provider.insert(self.connection, event))

    async def update(self, ref: ExternalRef, event: CalendarEvent) -> ExternalEvent:
        """Make an event like ours; raises ``Changed`` and ``Gone``."""
        return await self._call("update", self._provider.update(self.connection, ref, event))

    async def delete(self, ref: ExternalRef) -> None:
        """Remove an event."""
        await self._call("delete", self._provider.delete(self.connection, ref))

    async def get(self, event_id: str) -> ExternalEvent | None:
        """Return an event, or None."""
        return await self._call("get", self._provider.get(self.connection, event_id))

    async def watch(self, request: WatchRequest) -> Watch:
        """Open a push channel."""
        return await self._call("watch", self._provider.watch(self.connection, request))

    async def renew(self, watch: Watch, request: WatchRequest) -> Watch | None:
        """Prolong a push channel; None where the provider opens a new one instead."""
        if self._provider.renew is None:
            return None
        return await self._call("renew", self._provider.renew(self.connection, watch, request))

    async def unwatch(self, watch: Watch) -> None:
        """Close a push channel."""
        await self._call("unwatch", self._provider.unwatch(self.connection, watch))

    async def pages(self, position: str, *, ahead: bool = False) -> AsyncGenerator[ChangePage, None]:
        """Read changes page by page; raises ``CursorExpired``.

        Args:
            position: As ``CalendarProvider.changes`` takes it.
            ahead: Read the next page while the caller is at one, for callers that write nothing to the calendar
                meanwhile: what they wrote might be missing in it.
        """
        async with aclosing(cast(Any, self._provider.changes(self.connection, position))) as pages:
            page = await self._page(pages)
            while page is not None:
                if ahead and page.next_page:
                    async with _begun(self._page(pages)) as following:
                        yield page
                        page = await following
                else:
                    yield page
                    page = await self._page(pages)

    async def _page(self, pages: AsyncIterator[ChangePage]) -> ChangePage | None:
        return await self._call("changes", _next(pages))

    @property
    def _provider(self) -> CalendarProvider:
        return self.adapter.provider

    async def _call(self, what: str, work: Awaitable[T]) -> T:
        try:
            return await self.adapter.hooks.run(
                self.adapter.plugin,
                _awaited(work),
                what=f"calendar {what}",
                timeout=CALL_SECONDS,
                expected=(Changed, Gone, CursorExpired),
            )
        except PluginFailed as error:
            raise AdapterFailed(str(error)) from error


@asynccontextmanager
async def _begun(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Do something beside the block, which is ended with the block."""
    task = asyncio.create_task(work, name=AHEAD)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _next(pages: AsyncIterator[ChangePage]) -> ChangePage | None:
    return await anext(pages, None)


async def _awaited(work: Awaitable[T]) -> T:
    return await work
