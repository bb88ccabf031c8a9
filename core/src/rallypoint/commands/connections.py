"""``rallypoint connections show``: how somebody's connections are, for the operator whom they ask."""

from __future__ import annotations

from dataclasses import dataclass

import click
from rich.text import Text

from rallypoint.commands.database import opened
from rallypoint.commands.tables import console
from rallypoint.connections.timeline import Timeline, read
from rallypoint.identity.users import email_key
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection and its past.

    Args:
        row: As stored.
        timeline: What happened to it.
        tasks: Its scheduled work.
    """

    row: Row
    timeline: Timeline
    tasks: list[Row]


async def show(settings: Settings, email: str, service: str = "") -> list[Shown]:
    """Return the connections of the user with that address, in the account and its sandbox.

    Args:
        settings: Of the server.
        email: Of somebody who has registered.
        service: Of one connection; all when left out.

    Raises:
        click.ClickException: There is no such user, or no such connection.
    """
    async with opened(settings) as database:
        user = await database.fetch_one("SELECT id FROM users WHERE email_key = ?", email_key(email))
        if user is None:
            raise click.ClickException(f"nobody has registered as {email}")
        rows = await database.fetch(
            "SELECT * FROM connections WHERE user_id = ?"
            " OR user_id IN (SELECT id FROM users WHERE twin_of = ?) ORDER BY service, mode",
            user["id"],
            user["id"],
        )
        found = [row for row in rows if service in ("", row["service"])]
        if not found:
            raise click.ClickException(f"{email} has not connected {service or 'anything'}")
        return [await _shown(database, row) for row in found]


async def _shown(database: Database, row: Row) -> Shown:
    tasks = await database.fetch(
        "SELECT plugin, task, next_at, failures, last_error, last_success_at FROM scheduled_runs"
        " WHERE connection_id = ? ORDER BY plugin, task",
        row["id"],
    )
    return Shown(row, await read(database, row["id"]), tasks)


def print_all(found: list[Shown]) -> None:
    """Print connections one after the other; nothing of a credential is among it."""
    out = console()
    for one in found:
        for line in _lines(one):
            out.print(Text(line))
        out.print()


def _lines(one: Shown) -> list[str]:
    row = one.row
    lines = [
        f"{row['service']} ({row['mode']}): {row['state']}"
        + (f" - {row['reason']}" if row["reason"] else ""),
        f"  id       {row['id']}",
        f"  account  {row['label']}",
        f"  scopes   {row['scopes'] or '-'}",
        f"  token    {_until(row)}",
    ]
    lines += [
        f"  {mark.kind:<13} {_at(mark.last_at)}  {mark.count} time{'s' * (mark.count != 1)}"
        + (f", until {_at(mark.until)}" if mark.until else "")
        + (f"  {mark.detail}" if mark.detail else "")
        for mark in one.timeline.marks
    ]
    lines += [
        f"  task {task['plugin']}.{task['task']}: last well {_at(task['last_success_at'])},"
        f" next {_at(task['next_at'])}"
        + (f", {task['failures']} failures: {task['last_error']}" if task["last_error"] else "")
        for task in one.tasks
    ]
    return [*lines, *(f"  log {_at(entry.at)}  {entry.kind}  {entry.detail}" for entry in one.timeline.log)]


def _until(row: Row) -> str:
    if row["kind"] == "api_key":
        return "an API key"
    return "does not expire" if row["expires_at"] is None else f"expires {_at(row['expires_at'])}"


def _at(moment: int | None) -> str:
    return "never" if moment is None else clock.rfc3339(moment)
