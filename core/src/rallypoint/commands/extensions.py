"""Commands that plugins add: listed from their manifests, imported when they are called."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import click

from rallypoint.plugins.discovery import discover
from rallypoint.plugins.manifest import Command


@cache
def declared() -> dict[str, Command]:
    """Return the commands of all installed plugins by name; the first plugin that declares one has it."""
    found: dict[str, Command] = {}
    for item in discover():
        for command in item.manifest.commands if item.manifest else ():
            found.setdefault(command.name, command)
    return found


def command(name: str) -> click.Command | None:
    """Return a plugin's command, without importing it; None when no plugin has it."""
    known = declared().get(name)
    return None if known is None else _stand_in(known)


def _stand_in(known: Command) -> click.Command:
    """Return a command that takes everything, help included, to the plugin's own."""

    def run(arguments: tuple[str, ...]) -> None:
        _target(known).main(list(arguments), prog_name=f"rallypoint {known.name}")

    return click.Command(
        known.name,
        callback=run,
        help=known.help,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )


def _target(known: Command) -> click.Command:
    """Import what a manifest names: a click command, or a function without arguments."""
    module, _, name = known.target.partition(":")
    try:
        target = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise click.ClickException(
            f"{known.target} of the command {known.name} is broken: {error}"
        ) from error
    return target if isinstance(target, click.Command) else click.Command(known.name, callback=target)
