"""How the command line shows plugins."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rallypoint.commands.plugins import Details, Listing
from rallypoint.plugins.purge import Remains
from rallypoint.plugins.routes import document
from rallypoint.plugins.status import PluginStatus

_STYLES = {
    "active": "green",
    "disabled": "dim",
    "degraded": "yellow",
    "retrying": "yellow",
    "needs_config": "yellow",
    "needs_reauth": "yellow",
}
_TROUBLE = "bold red"
_PIPE_WIDTH = 240


def show_listing(listing: Listing, *, as_json: bool) -> None:
    """Print every plugin with its status, stage, reason and remedy."""
    if as_json:
        _print_json([document(status) for status in listing.statuses])
        return
    out = console()
    show_statuses(out, listing.statuses)
    if not listing.running:
        out.print("No server is running: they were loaded just now, for a look.", style="dim")
    for remains in listing.parked:
        out.print(f"{in_words(remains)}; delete it with: rallypoint plugin purge {remains.name}")


def show_statuses(out: Console, statuses: list[PluginStatus]) -> None:
    """Print a table."""
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "distribution", "version", "status"):
        table.add_column(heading, no_wrap=True)
    for heading in ("stage", "reason", "remedy"):
        table.add_column(heading, overflow="fold")
    for one in statuses:
        table.add_row(
            one.name,
            one.distribution,
            one.version,
            Text(one.status, style=_STYLES.get(one.status, _TROUBLE)),
            one.stage,
            Text(one.reason),
            Text(one.remedy),
        )
    out.print(table)


def show_details(details: Details, *, as_json: bool) -> None:
    """Print everything about one plugin; of secrets only whether they are set."""
    facts: dict[str, Any] = {
        **document(details.status),
        "docs": details.docs,
        "settings": [asdict(setting) for setting in details.found.settings],
        "diagnostics": details.found.diagnostics,
    }
    if as_json:
        _print_json(facts)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in facts.items():
        table.add_row(name, Text(_cell(name, value)))
    console().print(table)


def in_words(remains: Remains) -> str:
    """Return what a plugin has in the database, in one line."""
    rows = [f"rows in {table} ({count})" for table, count in remains.rows.items()]
    parts = [*(f"table {table}" for table in remains.tables), *rows]
    return f"{remains.name} {remains.version} has {', '.join(parts) or 'nothing'} in the database"


def _cell(name: str, value: Any) -> str:
    if name == "settings":
        return "\n".join(f"{one['name']} = {one['state']}" for one in value)
    if name == "diagnostics":
        return "" if value is None else json.dumps(value, indent=2, default=str)
    return "\n".join(value) if isinstance(value, list | tuple) else str(value)


def console() -> Console:
    """Return what prints: as wide as the terminal, or wide enough for ``grep`` where there is none."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if known else _PIPE_WIDTH)


def _print_json(value: Any) -> None:
    console().print(json.dumps(value, indent=2, default=str), markup=False, soft_wrap=True)
