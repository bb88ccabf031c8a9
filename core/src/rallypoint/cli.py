"""The command line. Nothing of the server is imported until a command needs it, so that help is instant."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

import click

from rallypoint import __version__
from rallypoint.commands import collector
from rallypoint.commands.plugin_group import WithPlugins, plugin_group, run

if TYPE_CHECKING:
    from rallypoint.settings import Settings

T = TypeVar("T")


@click.group(cls=WithPlugins, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rallypoint")
def main() -> None:
    """Rallypoint: the backend for people who meet."""


@main.command()
@click.option("--host", help="Address to listen on [RALLYPOINT_HOST, 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on [RALLYPOINT_PORT, 8080].")
@click.option(
    "--with-jobs", is_flag=True, default=None, help="Run jobs too, on PostgreSQL [RALLYPOINT_SERVE_JOBS]."
)
def serve(host: str | None, port: int | None, with_jobs: bool | None) -> None:
    """Serve the REST and socket API; with SQLite, run its jobs as well."""
    collector.hold()
    from rallypoint.commands.serve import serve as run

    run(_settings(host=host, port=port, serve_jobs=with_jobs))


@main.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="Jobs at once, for each queue.",
)
@click.option("--queues", default="", help="Read these only, separated by commas: core, and plugins by name.")
@click.option(
    "--nice",
    type=click.IntRange(0, 19),
    default=0,
    show_default=True,
    help="Leave the cores to others first, such as a server on the same machine.",
)
def worker(concurrency: int, queues: str, nice: int) -> None:
    """Run the jobs of servers on PostgreSQL; start as many as you like."""
    collector.hold()
    from rallypoint.commands.worker import worker as run

    names = [name.strip() for name in queues.split(",") if name.strip()]
    run(_settings(), concurrency=concurrency, queues=names, nice=nice)


@main.group()
def operator() -> None:
    """Name the people who run this server."""


@operator.command("add")
@click.argument("email")
def operator_add(email: str) -> None:
    """Let the user with EMAIL see and change what belongs to the server."""
    from rallypoint.commands.people import add_operator

    click.echo(_run(lambda settings: add_operator(settings, email)))


@main.group()
def user() -> None:
    """Help people who are locked out."""


@user.command("reset-password")
@click.argument("email")
@click.password_option(help="The new password; asked for when left out.")
def user_reset_password(email: str, password: str) -> None:
    """Give the user with EMAIL a new password and end their sessions."""
    from rallypoint.commands.people import reset_password

    click.echo(_run(lambda settings: reset_password(settings, email, password)))


@main.group()
def webhooks() -> None:
    """Try webhooks out."""


@webhooks.command("send-test")
@click.argument("url")
@click.option("--secret", help="Signs the delivery; a fresh one is made and printed when left out.")
def webhooks_send_test(url: str, secret: str | None) -> None:
    """Send a signed test delivery to URL and print the answer."""
    from rallypoint.commands.webhooks import send_test

    click.echo(_run(lambda settings: send_test(settings, url, secret)))


@main.group()
def connections() -> None:
    """Look at users' connections to services."""


@connections.command("show")
@click.argument("email")
@click.argument("service", default="")
def connections_show(email: str, service: str) -> None:
    """Print state, timeline and tasks of the connections of the user with EMAIL, or of the one to SERVICE."""
    from rallypoint.commands.connections import print_all, show

    print_all(_run(lambda settings: show(settings, email, service)))


@main.group()
def keys() -> None:
    """Look after the key that encrypts tokens and secrets."""


@keys.command("rotate")
def keys_rotate() -> None:
    """Encrypt everything anew with RALLYPOINT_SECRET_KEY; RALLYPOINT_PREVIOUS_SECRET_KEYS reads what is there."""
    from rallypoint.commands.keys import report, rotate

    found = _run(rotate)
    click.echo(report(found))
    if any(one.unreadable for one in found):
        raise click.ClickException("some values can be read with none of the keys; keep looking for theirs")


@main.command()
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
def backup(archive: Path) -> None:
    """Write the database and the key into ARCHIVE (.tar.gz); the server may run."""
    from rallypoint.commands.backup import BackupError
    from rallypoint.commands.backup import backup as make

    try:
        with_key = make(_settings(), archive)
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    if with_key:
        click.echo(f"Wrote {archive}. It holds the server's key: keep it where only you can read it.")
    else:
        click.echo(f"Wrote {archive}. Without RALLYPOINT_SECRET_KEY, which is not in it, it cannot be used.")


@main.command()
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace the database that is there.")
def restore(archive: Path, force: bool) -> None:
    """Put the backup ARCHIVE in place; the server must not run."""
    from rallypoint.commands.backup import BackupError
    from rallypoint.commands.backup import restore as put_back

    try:
        put_back(_settings(), archive, force=force)
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    click.echo("Restored. Start the server with: rallypoint serve")


@main.command()
@click.argument("account")
@click.option(
    "-o", "--output", type=click.File("x", encoding="utf-8"), help="A new file; standard output without."
)
def export(account: str, output: TextIO | None) -> None:
    """Write all data of ACCOUNT (its id, or the address of somebody in it) as JSON lines, without secrets."""
    from rallypoint.commands.accounts import export as write

    count = _run(lambda settings: write(settings, account, output or sys.stdout))
    click.echo(f"{count} rows", err=True)


@main.command()
@click.argument("account")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(account: str, yes: bool) -> None:
    """Delete all data of ACCOUNT (its id, or the address of somebody in it) and end its sessions, for good."""
    from rallypoint.commands.accounts import erase as delete
    from rallypoint.commands.accounts import name_of

    account_id, name = _run(lambda settings: name_of(settings, account))
    if not yes:
        click.confirm(f"Delete everything of the account {name!r} ({account_id})?", abort=True)
    click.echo(f"Deleted {_run(lambda settings: delete(settings, account_id))} rows of {account_id}.")


def _settings(**overrides: object) -> Settings:
    from pydantic import ValidationError

    from rallypoint.settings import Settings

    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"RALLYPOINT_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in error.errors()
        ]
        raise click.ClickException("These settings are wrong:\n  " + "\n  ".join(lines)) from None


def _run(work: Callable[[Settings], Awaitable[T]]) -> T:
    """Run a command's coroutine; what it refuses becomes one line on standard error."""
    from rallypoint.errors import ApiError
    from rallypoint.security.secrets import SecretsError

    async def working() -> T:
        return await work(_settings())

    try:
        return run(working())
    except ApiError as error:
        raise click.ClickException(error.message) from error
    except SecretsError as error:
        raise click.ClickException(str(error)) from error


main.add_command(plugin_group(_settings))

if __name__ == "__main__":
    main()
