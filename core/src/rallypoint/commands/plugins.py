"""``rallypoint plugin list``, ``show``, ``resume`` and ``purge``: what operators do with plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import click

from rallypoint.commands import database
from rallypoint.commands.survey import Survey, survey
from rallypoint.plugins import purge as purging
from rallypoint.plugins import shared
from rallypoint.plugins.discovery import discover
from rallypoint.plugins.purge import PurgeRefused, Remains
from rallypoint.plugins.shared import ProcessStates
from rallypoint.plugins.status import NOT_LOADED, PluginStatus
from rallypoint.settings import Settings


@dataclass(frozen=True, slots=True)
class Listing:
    """Every plugin, and where the news come from.

    Args:
        statuses: Of every discovered plugin.
        running: Whether a running server says so; else they were looked at just now.
        parked: What uninstalled plugins left behind.
    """

    statuses: list[PluginStatus]
    running: bool
    parked: list[Remains] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Details:
    """One plugin.

    Args:
        status: From a running server when there is one.
        docs: Link to its documentation.
        found: Its settings and diagnostics.
    """

    status: PluginStatus
    docs: str
    found: Survey


async def list_plugins(settings: Settings) -> Listing:
    """Return how every plugin is: as running servers see it, else from a look at them now."""
    statuses, parked = await _recorded(settings)
    if statuses is not None:
        return Listing(statuses, running=True, parked=parked)
    return Listing(survey(settings).statuses, running=False, parked=parked)


async def _recorded(settings: Settings) -> tuple[list[PluginStatus] | None, list[Remains]]:
    """Return what the database says: statuses (None while no server runs), and what is left of absent plugins."""
    if not database.exists(settings):
        return None, []
    try:
        async with database.opened(settings, prepare=False) as opened:
            running = _alive(await shared.read_states(opened))
            statuses = await shared.overview(opened) if running else None
            return statuses, await purging.parked(opened, [item.name for item in discover()])
    except database.NotReadyError:
        return None, []


async def show_plugin(settings: Settings, name: str) -> Details:
    """Return everything about one plugin.

    Raises:
        click.ClickException: No such plugin is installed.
    """
    status = _named(name, (await list_plugins(settings)).statuses)
    return Details(status, _docs(name), survey(settings, about=name))


async def resume_plugin(settings: Settings, name: str) -> str:
    """Give a plugin another chance and return what happens now.

    Raises:
        click.ClickException: No such plugin is installed.
    """
    if name not in {item.name for item in discover()}:
        raise _unknown(name)
    async with database.opened(settings) as opened:
        crashed = await shared.resume(opened, settings.data_dir, name)
        running = bool(_alive(await shared.read_states(opened)))
    if crashed:
        return f"{name} took a server down while it was loaded; it is tried again at the next start."
    return f"{name} is resumed within two seconds." if running else f"{name} is loaded at the next start."


async def left_by(settings: Settings, name: str) -> Remains:
    """Return what :func:`purge_plugin` would delete.

    Raises:
        click.ClickException: It never ran here, or a running server uses it.
    """
    async with database.opened(settings) as opened:
        for process in _alive(await shared.read_states(opened)):
            if any(status.name == name and status.status not in NOT_LOADED for status in process.statuses):
                raise click.ClickException(
                    f"{name} runs in process {process.pid} on {process.host}: uninstall it or add it to"
                    " RALLYPOINT_DISABLED_PLUGINS, restart, then purge"
                )
        found = await purging.remains(opened, [name])
    if not found:
        raise click.ClickException(f"no plugin {name!r} has run on this database")
    return found[0]


async def purge_plugin(settings: Settings, name: str) -> Remains:
    """Delete everything that a plugin keeps in the database, and return what that was.

    Raises:
        click.ClickException: It is a part of the core.
    """
    async with database.opened(settings) as opened:
        try:
            return await purging.purge(opened, name)
        except PurgeRefused as error:
            raise click.ClickException(str(error)) from error


def _alive(processes: Sequence[ProcessStates]) -> list[ProcessStates]:
    return [process for process in processes if process.alive]


def _named(name: str, statuses: Sequence[PluginStatus]) -> PluginStatus:
    for status in statuses:
        if status.name == name:
            return status
    raise _unknown(name)


def _unknown(name: str) -> click.ClickException:
    return click.ClickException(f"no installed plugin is called {name!r}")


def _docs(name: str) -> str:
    return next((item.manifest.docs for item in discover() if item.name == name and item.manifest), "")
