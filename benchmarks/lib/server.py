"""``rallypoint serve`` under measurement: a real server with its limits on, but out of reach."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lib.process import SERVER_CORE, pinned
from rallypoint.testing.server import ServerProcess

PLENTY = "100000000/minute"
ENV = {
    "RALLYPOINT_LIMIT_API": PLENTY,
    "RALLYPOINT_LIMIT_SOCKETS_PER_USER": "100000",
    "RALLYPOINT_LIMIT_SOCKET_EVENTS": "1000000",
    "RALLYPOINT_LIMIT_SOCKET_BURST": "1000000",
    "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "true",
    "RALLYPOINT_LOG_LEVEL": "warning",
}
UVICORN = {
    "loop": "uvloop",
    "http": "httptools",
    "ws": "websockets-sansio",
    "ws_per_message_deflate": False,
    "access_log": False,
    "proxy_headers": False,
    "server_header": False,
    "log_level": "warning",
}
"""The options of ``rallypoint serve``, for references that must not differ in them."""


@contextmanager
def serving(
    data_dir: Path, env: Mapping[str, str] | None = None, core: int = SERVER_CORE
) -> Iterator[ServerProcess]:
    """Run a server on one core for as long as the block."""
    server = ServerProcess(data_dir, {**ENV, **(env or {})})
    with pinned(core):
        server.start()
    try:
        yield server
    finally:
        server.stop()


def copy_data(source: Path, target: Path) -> Path:
    """Copy the data of a server that does not run."""
    shutil.copytree(source, target)
    return target
