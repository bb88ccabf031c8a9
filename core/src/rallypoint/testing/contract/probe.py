"""Runs a server with one plugin, or without it, in a process that ends soon, and reports what it saw."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import time
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from rallypoint.app import App, build
from rallypoint.logs import configure_logging
from rallypoint.plugins.deadline import deadline
from rallypoint.plugins.discovery import GROUP, Discovered, discover
from rallypoint.plugins.loaded import LoadedPlugin
from rallypoint.plugins.routes import document
from rallypoint.plugins.variables import variables
from rallypoint.security.secrets import ensure_secret_key
from rallypoint.settings import Settings
from rallypoint.testing.contract.guard import NetworkGuard
from rallypoint.testing.contract.leaks import remains
from rallypoint.testing.contract.posting import drive
from rallypoint.testing.contract.report import Report

_SETTLE_SECONDS = 0.3
_IMPORT_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Examine; the command line is :mod:`examination`'s business alone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("plugin")
    parser.add_argument("report", type=Path)
    parser.add_argument("--absent", action="store_true")
    options = parser.parse_args(arguments)
    report, guard = Report(), NetworkGuard()
    guard.install()
    found = discover()
    if options.absent:
        found = [item for item in found if item.name != options.plugin]
    else:
        guard.strict = True
        _import(options.plugin, report)
    settings = ensure_secret_key(Settings(_env_file=None))
    configure_logging(settings)
    app = build(settings, found=found)
    guard.strict = False
    report.import_network = list(guard.attempts)
    asyncio.run(_live(app, "" if options.absent else options.plugin, report))
    report.write(options.report)


def _import(plugin: str, report: Report) -> None:
    """Time the import and give every secret that is not set a value that can be recognised.

    What is wrong with the plugin shows in its status when the loader comes to it.
    """
    found = next((item for item in discover() if item.name == plugin and item.manifest), None)
    if found is None:
        return
    began = time.process_time()
    try:
        with deadline(_IMPORT_SECONDS, f"importing {plugin}"):
            implementation = EntryPoint(found.name, found.target, GROUP).load()
            report.import_seconds = time.process_time() - began
            register = getattr(implementation, "register_settings", None)
            _plant_secrets(found, register() if register else None, report)
    except BaseException:  # also SystemExit, and the deadline's own
        return  # the loader meets it again and says so in the status


def _plant_secrets(found: Discovered, kind: Any, report: Report) -> None:
    if kind is None:
        return
    for variable in variables(found.name, kind):
        report.variables.append(variable.name)
        if variable.secret:
            value = os.environ.get(variable.name) or f"canary-{secrets.token_hex(20)}"
            os.environ[variable.name] = value
            report.secrets.append(value)


async def _live(app: App, name: str, report: Report) -> None:
    opening = app.opening
    await opening.open()
    try:
        plugin = next((one for one in opening.plugins.loaded if one.name == name), None)
        if plugin is not None:
            await _try(app, plugin, report)
        report.statuses = {status.name: document(status) for status in opening.plugins.statuses}
    finally:
        await opening.close()
    report.shown += json.dumps(report.statuses)
    await asyncio.sleep(_SETTLE_SECONDS)
    report.left = remains()


async def _try(app: App, plugin: LoadedPlugin, report: Report) -> None:
    dispatch = app.opening.plugins.dispatch
    report.webhooks = [await drive(app, source) for source in plugin.contributions.webhooks]
    for hook in ("health", "diagnostics"):
        for outcome in await dispatch.call_all(hook):
            if outcome.plugin == plugin.name:
                report.shown += repr(outcome.value)


if __name__ == "__main__":
    main()
