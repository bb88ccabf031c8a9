"""Asks every integration how it stands for one user, and does what the user asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson

from rallypoint.domains.integrations.api import Action, Section, Viewer, Went
from rallypoint.domains.integrations.catalogue import Catalogue, Entry, catalogue
from rallypoint.domains.integrations.defaults import Defaults
from rallypoint.domains.integrations.forms import check_section, read_form
from rallypoint.domains.integrations.histories import Line, histories
from rallypoint.errors import ApiError, NotFound, PluginError, RetryLater, Unavailable
from rallypoint.plugins.context import PluginContext
from rallypoint.plugins.failures import PluginFailed, as_api_error

SECONDS = 2.0
ACTION_SECONDS = 70.0  # a provider may be asked meanwhile; its client gives up before
ALWAYS = ("googleCalendar", "zapier")  # integrations.md shows both, connected or not
_FAILED = (PluginError, PluginFailed)
T = TypeVar("T")
Ask = Callable[[Viewer], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A section and the key of its integration."""

    key: str
    section: Section


class IntegrationService:
    """What the API and the page share.

    Args:
        ctx: The kernel's services.
        defaults: For connections whose plugin shows nothing itself.
    """

    def __init__(self, ctx: PluginContext, defaults: Defaults) -> None:
        self._hooks, self._connections = ctx.kernel.hooks, ctx.kernel.connections
        self._name, self._log = ctx.name, ctx.log
        self._defaults = defaults
        self.catalogue = Catalogue({})

    async def collect(self) -> None:
        """Ask plugins what they offer; called once they are loaded."""
        own = await self._hooks.collect_owned("integration_status")
        self.catalogue = catalogue(own, self._connections.services)
        for problem in self.catalogue.problems:
            self._log.error("an integration is left out", problem=problem)

    async def status(self, viewer: Viewer) -> dict[str, dict[str, Any]]:
        """Return the status object of every integration by its key; one that cannot say is not connected."""
        entries = self.catalogue.entries
        found = await asyncio.gather(*(self._status(entry, viewer) for entry in entries.values()))
        return {key: {"connected": False} for key in ALWAYS} | dict(zip(entries, found, strict=True))

    async def sections(self, viewer: Viewer) -> Sequence[Shown]:
        """Return the section of every integration, in the order of their titles."""
        entries = self.catalogue.entries
        found = await asyncio.gather(*(self._section(entry, viewer) for entry in entries.values()))
        return [Shown(key, section) for key, section in zip(entries, found, strict=True)]

    async def histories(self, viewer: Viewer) -> Mapping[str, Sequence[Line]]:
        """Return what happened to the user's connections, by service."""
        return await histories(self._connections, viewer)

    async def offered(self, viewer: Viewer, key: str, name: str) -> Action:
        """Return an action that an integration offers at present.

        Raises:
            NotFound: It does not.
        """
        entry = self.catalogue.entries.get(key)
        section = await self._section(entry, viewer) if entry else Section("")
        for action in section.actions:
            if action.name == name:
                return action
        raise NotFound("This cannot be done at present; the page now shows what can.")

    async def act(self, viewer: Viewer, key: str, action: Action, sent: Mapping[str, str]) -> Went:
        """Do what a user asks for.

        Args:
            viewer: Who asks.
            key: Of the integration.
            action: As :meth:`offered`.
            sent: The form's fields, as they came.

        Raises:
            ValidationFailed: A field is wrong.
            ApiError: It did not work; the message is for the user.
        """
        entry = self.catalogue.entries[key]
        plugin = self._name if entry.source.section is None else entry.plugin
        work = _gone(action, viewer, read_form(action, sent))
        try:
            return await self._hooks.run(
                plugin, work, what="integration action", timeout=ACTION_SECONDS, expected=(ApiError,)
            )
        except PluginError as error:
            raise as_api_error(error) from error
        except PluginFailed as error:
            raise Unavailable(f"{entry.source.title} did not do it. Please try again later.") from error

    async def _status(self, entry: Entry, viewer: Viewer) -> dict[str, Any]:
        ask = entry.source.status
        if ask is None:
            return await self._defaults.status(viewer, entry.source.service)
        told = await self._ask(entry.plugin, f"status of {entry.source.key}", ask, viewer, _sendable)
        return told if told and told.get("connected") is True else {"connected": False}

    async def _section(self, entry: Entry, viewer: Viewer) -> Section:
        source = entry.source
        if source.section is None:
            return await self._defaults.section(viewer, source.service)
        what = f"section of {source.key}"
        section = await self._ask(entry.plugin, what, source.section, viewer, check_section)
        if section is None:
            notice = f"{source.title} cannot say how it is just now. Reload the page in a moment."
            return Section(source.title, state="unavailable", notice=notice)
        return section if section.service else replace(section, service=source.service)

    async def _ask(
        self, plugin: str, what: str, ask: Ask, viewer: Viewer, check: Callable[[Any], T]
    ) -> T | None:
        async def in_time() -> T:
            try:
                async with asyncio.timeout(SECONDS):
                    return check(await ask(viewer))
            except TimeoutError:
                # Not a hang, which counts towards quarantine: a slow page must not stop a plugin's syncs.
                raise RetryLater(f"took more than {SECONDS:g} s") from None

        try:
            return await self._hooks.run(plugin, in_time(), what=what, timeout=SECONDS + 1)
        except _FAILED:
            return None  # it shows in the plugin's status


def _sendable(told: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(told)
    orjson.dumps(told)  # what cannot be sent is its plugin's fault, and not the whole reply's
    return told


async def _gone(action: Action, viewer: Viewer, values: Mapping[str, str]) -> Went:
    went = await action.run(viewer, values)
    if not isinstance(went, Went):
        raise TypeError(f"an action must return Went, not {type(went).__name__}")
    if went.go_to and urlsplit(went.go_to).scheme not in {"https", "http"}:
        raise ValueError("an action sends people to http and https addresses alone")
    return went
