"""What else keeps practitioners busy, asked of the plugins that know, all at once and not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from structlog.stdlib import BoundLogger

from rallypoint.domains.booking.api import BusyRequest, BusySource, Interval
from rallypoint.errors import PluginError
from rallypoint.plugins.context import ExtensionPoints
from rallypoint.plugins.failures import PluginFailed

TIMEOUT = 2.0
MAX_INTERVALS = 2_000
"""Of one source in one answer; a day has no more."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Busy times, and the names of the sources that did not tell theirs."""

    intervals: tuple[Interval, ...] = ()
    missing: tuple[str, ...] = ()


class BusySources:
    """Every source of busy times.

    Args:
        hooks: Who offers them, and how their code is run.
        log: Where a source that fails is named.
    """

    def __init__(self, hooks: ExtensionPoints, log: BoundLogger) -> None:
        self._hooks, self._log = hooks, log
        self._sources: list[tuple[str, BusySource]] = []

    async def collect(self) -> None:
        """Ask the plugins for their sources; called once, at start.

        Raises:
            ValueError: Two have one name.
        """
        self._sources = await self._hooks.collect_owned("register_busy_sources")
        names = [source.name for _, source in self._sources]
        if len(names) != len(set(names)):
            raise ValueError(f"two sources of busy times have one name: {', '.join(sorted(names))}")

    async def ask(self, request: BusyRequest) -> Busy:
        """Return what the sources say; one that fails or takes too long is left out and shows in its plugin."""
        said = await asyncio.gather(*(self._one(*owned, request) for owned in self._sources))
        known = [intervals for intervals in said if intervals is not None]
        missing = (source.name for (_, source), one in zip(self._sources, said, strict=True) if one is None)
        return Busy(tuple(interval for one in known for interval in one), tuple(missing))

    async def _one(self, plugin: str, source: BusySource, request: BusyRequest) -> Sequence[Interval] | None:
        try:
            return await self._hooks.run(plugin, _told(source, request), what="busy times", timeout=TIMEOUT)
        except (PluginError, PluginFailed) as error:
            self._log.warning("busy times are left out", source=source.name, reason=str(error))
            return None


async def _told(source: BusySource, request: BusyRequest) -> list[Interval]:
    intervals = await source.busy(request)
    if len(intervals) > MAX_INTERVALS:
        raise ValueError(f"{len(intervals)} busy times for one request")
    return [Interval(int(interval.start), int(interval.end)) for interval in intervals]
