"""Fetches the headers of plugins' targets for one drain, which meanwhile goes on with everybody else's."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from rallypoint.plugins.contributions import TargetInfo
from rallypoint.webhooks.kinds import Kinds
from rallypoint.webhooks.lanes import Destination

FRESH_SECONDS = 5.0
"""For how long headers are used: a key that is revoked elsewhere ends within it (as tokens do)."""
PARK_SECONDS = 15.0
"""For how long the lanes of targets wait whose plugin fails or is absent."""
_BATCH = 500
_log = structlog.stdlib.get_logger("rallypoint.webhooks")


class Extras:
    """The plugins' targets that a drain has in memory; they are held until their headers are there.

    Args:
        kinds: Whom to ask.
        ready: Called with a target that may be sent to now.
        park: Called, again and again, with one whose lanes must wait for ``PARK_SECONDS``.
        close: Called with one that may not be sent to any more.
    """

    def __init__(
        self,
        kinds: Kinds,
        *,
        ready: Callable[[Destination], None],
        park: Callable[[Destination], None],
        close: Callable[[Destination], None],
    ) -> None:
        self._kinds, self._ready, self._park, self._close = kinds, ready, park, close
        self._known: dict[str, Destination] = {}
        self._fetches: dict[str, asyncio.Task[None]] = {}
        self._over = False

    def meet(self, targets: Iterable[Destination]) -> None:
        """Hold those of the targets, all new, that are plugins', and begin to ask."""
        met = [target for target in targets if Kinds.owned(target.kind)]
        for target in met:
            target.held = True
            self._known[target.id] = target
        if met:
            self._begin()

    def tend(self) -> None:
        """Ask anew where it is time, and forget whom nothing is sent to; to be called now and then."""
        if not self._known:
            return
        for target in list(self._known.values()):
            if not target.lanes or target.closed:
                del self._known[target.id]
            elif target.held and target.ask_at > time.monotonic():
                self._park(target)
        self._begin()

    async def stop(self) -> None:
        """End what is being asked."""
        self._over = True
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)

    def _begin(self) -> None:
        now = time.monotonic()
        due: dict[str, list[Destination]] = defaultdict(list)
        for target in self._known.values():
            if target.ask_at <= now and target.kind not in self._fetches:
                due[target.kind].append(target)
        for kind, targets in due.items():
            fetch = asyncio.create_task(self._fetch(kind, targets[:_BATCH]), name="webhooks.headers")
            self._fetches[kind] = fetch
            fetch.add_done_callback(partial(self._ended, kind))

    def _ended(self, kind: str, _fetch: asyncio.Task[None]) -> None:
        del self._fetches[kind]
        if not self._over:
            self._begin()

    async def _fetch(self, kind: str, targets: Sequence[Destination]) -> None:
        begun = time.monotonic()
        try:
            found = await self._kinds.headers(kind, [TargetInfo(t.id, t.url) for t in targets])
        except Exception as error:  # reported with the plugin's status; a traceback here might show keys
            self._wait(targets, begun + PARK_SECONDS)
            _log.warning("deliveries wait for what their plugin adds", kind=kind, error=type(error).__name__)
            return
        for target in targets:
            target.ask_at = begun + FRESH_SECONDS
            if (headers := found.get(target.id)) is None:
                self._close(target)
            else:
                target.headers, target.held = headers, False
                self._ready(target)

    def _wait(self, targets: Sequence[Destination], until: float) -> None:
        for target in targets:
            target.held = True
            target.ask_at = until
            self._park(target)
