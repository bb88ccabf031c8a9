"""The platforms on which meetings can be held, and how their plugins' code is called."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any, TypeVar

from rallypoint.domains.booking.api import Meeting, MeetingProvider, MeetingRequest
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater
from rallypoint.plugins.context import ExtensionPoints

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds that a provider may take for one call."""

_ALIASES = {
    "google": "google-meet",
    "meet": "google-meet",
    "googlemeet": "google-meet",
    "microsoft-teams": "teams",
    "msteams": "teams",
}


def platform_of(text: str) -> str:
    """Return a platform's name as providers have it, from how people write it: ``Google Meet``."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return _ALIASES.get(name, name)


class Unserved(RetryLater):
    """No plugin makes meetings on the platform; one may yet be installed."""


class MeetingProviders:
    """Every meeting provider.

    Args:
        hooks: Who offers them, and how their code is run.
    """

    def __init__(self, hooks: ExtensionPoints) -> None:
        self._hooks = hooks
        self._by_platform: dict[str, tuple[str, MeetingProvider]] = {}

    async def collect(self) -> None:
        """Ask the plugins for their providers; called once, at start.

        Raises:
            ValueError: Two serve one platform.
        """
        for plugin, provider in await self._hooks.collect_owned("register_meeting_providers"):
            if provider.platform in self._by_platform:
                raise ValueError(f"two plugins make meetings on {provider.platform!r}")
            self._by_platform[provider.platform] = (plugin, provider)

    def serves(self, platform: str) -> bool:
        """Tell whether some plugin makes meetings on a platform."""
        return platform in self._by_platform

    async def create(self, platform: str, request: MeetingRequest) -> Meeting:
        """Have a meeting made.

        Raises:
            PluginError: As the provider raises it; ``Unserved`` when no plugin serves the platform.
            PluginFailed: It failed in a way that it did not foresee.
        """
        plugin, provider = self._provider(platform)
        return await self._run(plugin, _coroutine(provider.create(request)))

    async def update(self, platform: str, request: MeetingRequest, meeting: Meeting) -> Meeting:
        """Have a meeting made like the request; errors as in :meth:`create`."""
        plugin, provider = self._provider(platform)
        return await self._run(plugin, _coroutine(provider.update(request, meeting)))

    async def cancel(self, platform: str, request: MeetingRequest, meeting: Meeting) -> None:
        """Have a meeting removed; errors as in :meth:`create`."""
        plugin, provider = self._provider(platform)
        await self._run(plugin, _coroutine(provider.cancel(request, meeting)))

    def _provider(self, platform: str) -> tuple[str, MeetingProvider]:
        try:
            return self._by_platform[platform]
        except KeyError:
            raise Unserved(f"no plugin makes meetings on {platform}") from None

    async def _run(self, plugin: str, work: Coroutine[Any, Any, T]) -> T:
        """One user's dead credential or one refused request says nothing about the plugin."""
        answers = (NeedsReauth, PermanentFailure)
        return await self._hooks.run(plugin, work, what="meetings", timeout=TIMEOUT, expected=answers)


async def _coroutine(work: Any) -> Any:
    return await work
