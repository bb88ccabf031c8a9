"""Examines an installed plugin: its files here, its behaviour in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rallypoint.plugins.discovery import Discovered, discover
from rallypoint.plugins.readme import readme_of
from rallypoint.plugins.variables import prefix_of
from rallypoint.testing.contract.report import Report

PROBE_SECONDS = 60.0
_TAIL = 2000


class NotExaminedError(Exception):
    """The plugin could not be examined; the message says why."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one process.

    Args:
        report: None when it did not live to write one.
        output: Everything that it logged and printed.
    """

    report: Report | None
    output: str

    @property
    def lived(self) -> Report:
        """The report.

        Raises:
            NotExaminedError: There is none; the message ends with the output.
        """
        if self.report is None:
            raise NotExaminedError(f"the server ended before it was examined: {self.output[-_TAIL:].strip()}")
        return self.report


@dataclass(frozen=True, slots=True)
class Examined:
    """A plugin and what was seen of it.

    Args:
        found: As discovered.
        readme: Its text; empty when there is none.
        present: A server with the plugin.
        absent: A server on the same data, once the plugin is uninstalled.
    """

    found: Discovered
    readme: str
    present: Run
    absent: Run


def examine(
    plugin: str, folder: Path, env: Mapping[str, str] | None = None, *, seconds: float = PROBE_SECONDS
) -> Examined:
    """Examine an installed plugin; takes some seconds and leaves this machine alone.

    Args:
        plugin: Its name.
        folder: For the data of the servers; empty.
        env: Variables that it cannot do without. Its own are also taken from this process's environment.
        seconds: How long each of the two processes may take.

    Raises:
        NotExaminedError: No such plugin is installed.
    """
    found = next((item for item in discover() if item.name == plugin), None)
    if found is None:
        raise NotExaminedError(f"no installed plugin is called {plugin!r}")
    variables = {**_environment(plugin), **(env or {}), "RALLYPOINT_DATA_DIR": str(folder)}
    present = _run(folder, [plugin], {**variables, "RALLYPOINT_PLUGINS": plugin}, seconds)
    absent = _run(folder, [plugin, "--absent"], {**variables, "RALLYPOINT_SAFE_MODE": "1"}, seconds)
    return Examined(found, readme_of(found), present, absent)


def _environment(plugin: str) -> dict[str, str]:
    """Return this process's environment with the server's own settings taken out, and its import path."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RALLYPOINT_") or name.startswith(prefix_of(plugin))
    }
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "RALLYPOINT_LOG_LEVEL": "debug", "RALLYPOINT_LOG_FORMAT": "json"}


def _run(folder: Path, arguments: list[str], env: Mapping[str, str], seconds: float) -> Run:
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "rallypoint.testing.contract.probe",
        arguments[0],
        str(report),
        *arguments[1:],
    ]
    try:
        ended = subprocess.run(  # noqa: S603 - our own module
            command, env=dict(env), cwd=folder, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Run(None, f"it did not end within {seconds:g} s")
    output = (ended.stdout + ended.stderr).decode(errors="replace")
    return Run(Report.read(report) if report.exists() else None, output)
