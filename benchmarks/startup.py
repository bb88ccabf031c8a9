"""From process start to the first 200, idle memory, what each further plugin adds, and the time of ``--help``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lib.plugins import small_plugins
from lib.process import SERVER_CORE, START_SECONDS, memory_mb, pinned, python, run_pinned, stop
from lib.report import arguments, limit, show
from lib.server import ENV

from rallypoint.testing.server import free_port

PLUGINS = 10
SETTLE_SECONDS = 1.0


def status_of(port: int, path: str) -> int:
    """Return the status of a GET, 0 while nobody listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            head = connection.recv(64)
    except ConnectionError:
        return 0
    return int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.1 ") else 0


@contextmanager
def started(data_dir: Path, env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int, float]]:
    """Start a server; gives its process, its port, and the seconds until its first 200."""
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RALLYPOINT_")}
    own = {**ENV, "RALLYPOINT_DATA_DIR": str(data_dir), "RALLYPOINT_PORT": str(port)}
    begun = time.perf_counter()
    with pinned(SERVER_CORE):
        process = subprocess.Popen(
            python("-m", "rallypoint", "serve"),
            env={**clean, **own, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=data_dir,
        )
    try:
        while status_of(port, "/health") != 200:
            if process.poll() is not None or time.perf_counter() - begun > START_SECONDS:
                raise RuntimeError("the server did not start")
            time.sleep(0.002)
        yield process, port, time.perf_counter() - begun
    finally:
        stop(process)


def measure(data_dir: Path, env: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Return seconds until the first 200, and MB once it has settled."""
    with started(data_dir, env or {}) as (process, port, seconds):
        if env and status_of(port, "/small/small0/hello") != 401:
            raise RuntimeError("the small plugins are not loaded")
        time.sleep(SETTLE_SECONDS)
        if process.poll() is not None:
            raise RuntimeError("the server ended by itself")
        return seconds, memory_mb(process.pid)


def help_seconds() -> float:
    """Return the time of ``rallypoint --help``."""
    begun = time.perf_counter()
    run_pinned(SERVER_CORE, [str(Path(sys.executable).with_name("rallypoint")), "--help"], seconds=30)
    return time.perf_counter() - begun


def main() -> None:
    options = arguments(__doc__, runs=5)
    with tempfile.TemporaryDirectory() as folder:
        data_dir, more = Path(folder) / "data", small_plugins(Path(folder) / "plugins", PLUGINS)
        data_dir.mkdir()
        measure(data_dir, more)  # migrates, and writes bytecode
        help_seconds()
        plain, extended, helps = [], [], []
        for _ in range(options.runs):
            plain.append(measure(data_dir))
            extended.append(measure(data_dir, more))
            helps.append(help_seconds())
    pairs = list(zip(plain, extended, strict=True))
    later = [(m[0] - p[0]) * 1000 / PLUGINS for p, m in pairs]
    larger = [(m[1] - p[1]) / PLUGINS for p, m in pairs]
    show(
        "Start and memory (the reference is the limit)",
        [
            limit("start to the first 200", "s", 2.5, [seconds for seconds, _ in plain]),
            limit("idle memory, every installed plugin", "MB", 160, [size for _, size in plain]),
            limit("a further plugin, time", "ms", 50, later),
            limit("a further plugin, memory", "MB", 3, larger),
            limit("rallypoint --help", "s", 0.3, helps),
        ],
    )


if __name__ == "__main__":
    main()
