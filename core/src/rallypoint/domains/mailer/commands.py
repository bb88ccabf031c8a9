"""``rallypoint mail``: what became of messages, for whoever holds the server's console."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from rallypoint.domains.mailer.desk import Desk
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.errors import ApiError
from rallypoint.plugins.collect import BadSettings, read_settings
from rallypoint.security.secrets import SecretsError, ensure_secret_key
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.database import Database, DatabaseAway

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def mail() -> None:
    """See what became of outgoing mail."""


@mail.command("list")
@click.option(
    "--state", type=click.Choice(["queued", "sent", "failed", "withdrawn", "recorded"]), help="These only."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
def list_command(state: str | None, limit: int) -> None:
    """List messages, newest first, with what holds them up."""
    rows = _run(lambda desk: desk.list(state, limit))
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "state", "created", "attempts", "next try", "key", "error"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    Console().print(table)


@mail.command("show")
@click.argument("message_id")
def show_command(message_id: str) -> None:
    """Show a message's recipients, subject and timeline."""
    document = _run(lambda desk: desk.show(message_id))
    for name in ("state", "to", "cc", "subject", "key", "error"):
        click.echo(f"{name}: {_plain(document[name])}")
    for step in document["timeline"]:
        facts = [step["at"], step["what"], step["transport"], step["detail"]]
        click.echo("  ".join(str(fact) for fact in facts if fact))


@mail.command("retry")
@click.argument("message_id")
def retry_command(message_id: str) -> None:
    """Send a message that failed again."""
    _run(lambda desk: desk.retry(message_id))
    click.echo("It is in the queue; a running server sends it.")


@mail.command("send-test")
@click.argument("address")
@click.option("--wait", type=click.IntRange(1, 600), default=60, show_default=True, help="Seconds.")
def send_test_command(address: str, wait: int) -> None:
    """Have the running server send a test message to ADDRESS, and say what came of it."""
    document = _run(lambda desk: desk.send_test(address, wait))
    click.echo(f"{document['state']}: {_plain(document['error'] or document['detail'])}")
    if document["state"] != "sent":
        raise SystemExit(1)


def _run(work: Callable[[Desk], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _desk() as desk:
            return await work(desk)

    try:
        return asyncio.run(run())
    except ApiError as error:
        details = "; ".join(str(value) for value in error.details.values())
        raise click.ClickException(details or error.message) from error
    except DatabaseAway as error:
        raise click.ClickException(error.reason) from error
    except (SecretsError, BadSettings) as error:
        raise click.ClickException(str(error)) from error


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    settings = ensure_secret_key(Settings())
    own = read_settings("mailer", MailerSettings)
    assert isinstance(own, MailerSettings)
    database = Database.from_settings(settings)
    if database.is_sqlite and not database.path.exists():
        raise click.ClickException("there is no database yet: start the server first")
    try:
        await database.open({"mailer": ["rallypoint.domains.mailer.models"]})
        yield Desk(database, Vault(settings), own)
    finally:
        await database.close()


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "-")
