"""``rallypoint plugin dev``: serves, and starts again when a plugin's source changes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from watchfiles import watch

from rallypoint.commands import database
from rallypoint.commands.tables import console, show_statuses
from rallypoint.plugins.discovery import discover
from rallypoint.plugins.readme import package_folder
from rallypoint.plugins.shared import read_states
from rallypoint.plugins.status import PluginStatus
from rallypoint.settings import Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_STEP_SECONDS = 0.2


def sources() -> list[Path]:
    """Return the folders of installed plugins that are imported from their source."""
    folders = (package_folder(item) for item in discover() if not item.is_core)
    return sorted({folder for folder in folders if folder and "site-packages" not in folder.parts})


def dev(settings: Settings, arguments: Sequence[str] = ()) -> None:
    """Serve until interrupted.

    Args:
        settings: Of the server.
        arguments: For ``rallypoint serve``.
    """
    out = console()
    watched = sources()
    for folder in watched:
        out.print(f"Watching {folder}")
    if not watched:
        out.print("Nothing to watch: no plugin is installed with pip install -e")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server ends with us
    server = _start(settings, arguments, out)
    try:
        for changes in watch(*watched) if watched else ():
            out.print(f"{len(changes)} files changed: starting again", style="bold")
            _stop(server)
            server = _start(settings, arguments, out)
        server.wait()
    except KeyboardInterrupt:
        out.print("Stopped")
    finally:
        _stop(server)


def _start(settings: Settings, arguments: Sequence[str], out: Console) -> subprocess.Popen[bytes]:
    server = subprocess.Popen([sys.executable, "-m", "rallypoint", "serve", *arguments])  # noqa: S603
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        statuses = asyncio.run(_statuses(settings, server.pid))
        if statuses:
            show_statuses(out, statuses)
            return server
        time.sleep(_STEP_SECONDS)
    out.print("The server did not start; it is tried again when a file changes.", style="red")
    return server


async def _statuses(settings: Settings, pid: int) -> list[PluginStatus]:
    """Return how the plugins are in one process; nothing until it has written that down."""
    if not database.exists(settings):
        return []
    try:
        async with database.opened(settings, prepare=False) as opened:
            mine = [one for one in await read_states(opened) if one.pid == pid and one.alive]
    except database.NotReadyError:
        return []
    return [status for process in mine for status in process.statuses]


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
