"""``rallypoint plugin new``, ``check`` and ``dev``: what plugin authors do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from rallypoint.commands.tables import console
from rallypoint.scaffold import ScaffoldError, write_plugin
from rallypoint.testing.contract.checks import CHECKS
from rallypoint.testing.contract.examination import NotExaminedError, examine


def new(name: str, directory: Path) -> str:
    """Write a plugin and return what to do next.

    Raises:
        click.ClickException: The name is none, or the folder exists.
    """
    try:
        folder = write_plugin(name, directory)
    except ScaffoldError as error:
        raise click.ClickException(str(error)) from error
    return (
        f"Wrote {folder}. Next:\n  cd {folder}\n  pip install -e '.[test]'\n  pytest\n  rallypoint plugin dev"
    )


def check(name: str) -> bool:
    """Hold an installed plugin to every promise, print how it does, and return whether all are kept.

    Raises:
        click.ClickException: No such plugin is installed.
    """
    out = console()
    with tempfile.TemporaryDirectory() as folder:
        try:
            examined = examine(name, Path(folder))
        except NotExaminedError as error:
            raise click.ClickException(str(error)) from error
    kept = True
    for promise in CHECKS:
        problems = promise.run(examined)
        out.print("✗" if problems else "✓", promise.promise, style="red" if problems else "green")
        for problem in problems:
            out.print(f"    {problem}", markup=False)
        kept = kept and not problems
    return kept
