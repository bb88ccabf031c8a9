"""The template of ``rallypoint plugin new``, and what fills it in."""

from __future__ import annotations

import re
from pathlib import Path

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
HERE = Path(__file__).parent


class ScaffoldError(Exception):
    """The plugin cannot be written; the message says why."""


def write_plugin(name: str, directory: Path) -> Path:
    """Write a plugin whose tests pass as they stand.

    Args:
        name: Of the plugin, such as ``acme``.
        directory: Where its folder is made, called ``rallypoint-<name>``.

    Returns:
        The folder.

    Raises:
        ScaffoldError: The name is none, or the folder exists.
    """
    if not NAME.fullmatch(name):
        raise ScaffoldError(
            f"{name!r} is no name for a plugin: up to 40 lower-case letters, digits and _, a letter first"
        )
    distribution = f"rallypoint-{name.replace('_', '-')}"
    folder = directory / distribution
    if folder.exists():
        raise ScaffoldError(f"{folder} exists already")
    _render(folder, name, distribution)
    return folder


def _render(folder: Path, name: str, distribution: str) -> None:
    from copier import run_copy

    answers = {
        "name": name,
        "title": name.replace("_", " ").title(),
        "distribution": distribution,
        "package": f"rallypoint_{name}",
        "header": name.replace("_", "-"),
        "variable": f"RALLYPOINT_{name.upper()}",
    }
    run_copy(str(HERE), folder, data=answers, defaults=True, quiet=True)
