"""The declarations of ``rallypoint plugin …`` and of plugins' own commands; bodies are imported when called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rallypoint.settings import Settings

T = TypeVar("T")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class WithPlugins(click.Group):
    """A group to which installed plugins add commands; its own come first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        from rallypoint.commands.extensions import declared

        own = super().list_commands(ctx)
        return [*own, *sorted(declared().keys() - set(own))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; plugins are looked at only when none of our own has the name."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        from rallypoint.commands.extensions import command

        return command(cmd_name)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; asyncio is imported here because it is a quarter of the time that help takes."""
    import asyncio

    return asyncio.run(work)


def plugin_group(read_settings: Callable[[], Settings]) -> click.Group:
    """Return ``rallypoint plugin``.

    Args:
        read_settings: Returns the server's settings, or ends with a clear message.
    """

    @click.group()
    def plugin() -> None:
        """See to plugins, or write one."""

    _add_operating(plugin, read_settings)
    _add_authoring(plugin, read_settings)
    return plugin


def _add_operating(plugin: click.Group, read_settings: Callable[[], Settings]) -> None:
    @plugin.command("list")
    @_JSON
    def list_command(as_json: bool) -> None:
        """List every installed plugin: how it is, why, and what to do."""
        from rallypoint.commands.plugins import list_plugins
        from rallypoint.commands.tables import show_listing

        show_listing(run(list_plugins(read_settings())), as_json=as_json)

    @plugin.command("show")
    @click.argument("name")
    @_JSON
    def show_command(name: str, as_json: bool) -> None:
        """Show all about NAME: routes, capabilities, settings, diagnostics."""
        from rallypoint.commands.plugins import show_plugin
        from rallypoint.commands.tables import show_details

        show_details(run(show_plugin(read_settings(), name)), as_json=as_json)

    @plugin.command("resume")
    @click.argument("name")
    def resume_command(name: str) -> None:
        """Lift NAME's quarantine, or let it load again after a crash."""
        from rallypoint.commands.plugins import resume_plugin

        click.echo(run(resume_plugin(read_settings(), name)))

    @plugin.command("purge")
    @click.argument("name")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def purge_command(name: str, yes: bool) -> None:
        """Delete all that NAME keeps in the database: tables, tokens, rows."""
        from rallypoint.commands.plugins import left_by, purge_plugin
        from rallypoint.commands.tables import in_words

        settings = read_settings()
        click.echo(in_words(run(left_by(settings, name))))
        if not yes:
            click.confirm("Delete it for ever?", abort=True)
        run(purge_plugin(settings, name))
        click.echo("Deleted.")


def _add_authoring(plugin: click.Group, read_settings: Callable[[], Settings]) -> None:
    @plugin.command("new")
    @click.argument("name")
    @click.option(
        "--directory",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        help="Where its folder is made; here when left out.",
    )
    def new_command(name: str, directory: Path) -> None:
        """Write a plugin called NAME, whose tests pass as they stand."""
        from rallypoint.commands.author import new

        click.echo(new(name, directory))

    @plugin.command("check")
    @click.argument("name")
    def check_command(name: str) -> None:
        """Hold the installed plugin NAME to what every plugin promises."""
        from rallypoint.commands.author import check

        sys.exit(0 if check(name) else 1)

    @plugin.command("dev")
    @click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on [RALLYPOINT_PORT, 8080].")
    def dev_command(port: int | None) -> None:
        """Serve, and start again when a plugin's source changes."""
        from rallypoint.commands.dev import dev

        dev(read_settings(), [] if port is None else ["--port", str(port)])
