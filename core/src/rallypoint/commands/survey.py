"""Looks at the installed plugins while no server runs, in a process of its own: a plugin may take it down."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from rallypoint.app import App, build
from rallypoint.errors import PluginError
from rallypoint.logs import configure_logging
from rallypoint.plugins.failures import PluginFailed
from rallypoint.plugins.health import diagnose
from rallypoint.plugins.loaded import LoadedPlugin
from rallypoint.plugins.loader import StartRefused
from rallypoint.plugins.status import PluginStatus
from rallypoint.plugins.variables import variables
from rallypoint.security.secrets import SECRET_FILE, SecretsError, ensure_secret_key
from rallypoint.settings import Settings
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database

_REFUSED = 3
_TRIES = 20
"""Each try gets past one more plugin that takes the process down, for the loader leaves it out next time."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A plugin's setting as it stands.

    Args:
        name: The environment variable.
        state: Its value, ``set`` or ``not set`` for secrets, ``required`` for a missing one.
        given: Whether somebody set it.
    """

    name: str
    state: str
    given: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Args:
        statuses: Of every discovered plugin.
        settings: Of the plugin that was asked for, if it loads.
        diagnostics: Of the same.
    """

    statuses: list[PluginStatus]
    settings: list[Setting] = field(default_factory=list)
    diagnostics: Any = None


def survey(settings: Settings, about: str = "") -> Survey:
    """Load the installed plugins as a server would, and start none.

    Args:
        settings: Of the server; nothing is written to its ``DATA_DIR``.
        about: The plugin whose settings and diagnostics are wanted, if any.

    Raises:
        click.ClickException: The settings name plugins that are not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "survey.json"
        for _ in range(_TRIES):
            ended = _start(settings, Path(folder), report, about)
            if report.exists():
                return _read(report)
            if ended.returncode == _REFUSED:
                raise click.ClickException(ended.stderr.strip().rpartition("\n")[2])
    raise click.ClickException(f"the plugins cannot be looked at: {ended.stderr[-2000:].strip()}")


def _start(settings: Settings, folder: Path, report: Path, about: str) -> subprocess.CompletedProcess[str]:
    own = {
        "RALLYPOINT_DATA_DIR": str(folder),
        "RALLYPOINT_DATABASE_URL": Database(settings.database_url, settings.data_dir.resolve()).url,
        "RALLYPOINT_STRICT_PLUGINS": "0",
        "RALLYPOINT_LOG_LEVEL": "error",
        **_key(settings),
    }
    command = [sys.executable, "-m", __name__, str(report), "--about", about]
    return subprocess.run(  # noqa: S603 - this very module
        command, env={**os.environ, **own}, capture_output=True, text=True, check=False
    )


def _key(settings: Settings) -> dict[str, str]:
    """Return the server's secret key, but make none: looking must leave nothing behind."""
    kept = settings.data_dir / SECRET_FILE
    if not settings.secret_key.get_secret_value() and not kept.exists():
        return {}
    return {"RALLYPOINT_SECRET_KEY": ensure_secret_key(settings).secret_key.get_secret_value()}


def _read(report: Path) -> Survey:
    values = json.loads(report.read_text())
    lists = ("capabilities", "routes")
    return Survey(
        statuses=[
            PluginStatus(**{**status, **{key: tuple(status[key]) for key in lists}})
            for status in values["statuses"]
        ],
        settings=[Setting(**setting) for setting in values["settings"]],
        diagnostics=values["diagnostics"],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Look, as the child process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=Path)
    parser.add_argument("--about", default="")
    options = parser.parse_args(arguments)
    settings = Settings()
    configure_logging(settings)
    try:
        app = build(ensure_secret_key(settings))
    except (StartRefused, SecretsError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_REFUSED)
    plugins = app.opening.plugins
    plugin = next((one for one in plugins.loaded if one.name == options.about), None)
    found = Survey(
        statuses=plugins.statuses,
        settings=_settings_of(plugin) if plugin else [],
        diagnostics=asyncio.run(_diagnostics(app, plugin)) if plugin else None,
    )
    options.report.write_text(json.dumps(asdict(found), default=str))


def _settings_of(plugin: LoadedPlugin) -> list[Setting]:
    settings = plugin.ctx.settings
    given = settings.model_fields_set
    return [
        Setting(
            one.name,
            ("set" if one.field in given else "not set") if one.secret else str(getattr(settings, one.field)),
            one.field in given,
        )
        for one in variables(plugin.name, type(settings))
    ]


async def _diagnostics(app: App, plugin: LoadedPlugin) -> Any:
    """Return what a plugin says of itself; it has not been started, so it may say that it cannot."""
    database = app.house.database
    if database.is_sqlite and not database.path.exists():
        return None
    own = {plugin.name: [plugin.contributions.models]} if plugin.contributions.models else {}
    await database.open({**{core.label: [core.models] for core in CORE_APPS}, **own})
    try:
        return await diagnose(app.opening.plugins, plugin.name)
    except (PluginError, PluginFailed) as error:
        return {"not available": str(error)}
    finally:
        await database.close()


if __name__ == "__main__":
    main()
