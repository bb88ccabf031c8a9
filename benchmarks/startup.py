"""From process start to the first 200, idle memory, what each further plugin adds, and the time of ``--help``."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib.plugins import small_plugins
from lib.process import SERVER_CORE, START_SECONDS, cpu_seconds, memory_mb, pinned, python, run_pinned, stop
from lib.report import Line, arguments, limit, show
from lib.server import ENV

from rallypoint.testing.server import free_port

PLUGINS = 30
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


@dataclass(frozen=True)
class Start:
    """Seconds until the first 200, those of them that used a core, and MB once it has settled."""

    seconds: float
    cpu: float
    memory: float


def measure(data_dir: Path, env: Mapping[str, str] | None = None) -> Start:
    """Start a server once."""
    with started(data_dir, env or {}) as (process, port, seconds):
        used = cpu_seconds(process.pid)
        if env and status_of(port, "/small/small0/hello") != 401:
            raise RuntimeError("the small plugins are not loaded")
        time.sleep(SETTLE_SECONDS)
        if process.poll() is not None:
            raise RuntimeError("the server ended by itself")
        return Start(seconds, used, memory_mb(process.pid))


def help_seconds() -> tuple[float, float]:
    """Return the time of ``rallypoint --help``, and that of its CPU."""
    begun, used = time.perf_counter(), children_cpu()
    run_pinned(SERVER_CORE, [str(Path(sys.executable).with_name("rallypoint")), "--help"], seconds=30)
    return time.perf_counter() - begun, children_cpu() - used


def children_cpu() -> float:
    """Return the CPU time of all processes that were started here and have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    options = arguments(__doc__, runs=7)
    with tempfile.TemporaryDirectory() as folder:
        data_dir, more = Path(folder) / "data", small_plugins(Path(folder) / "plugins", PLUGINS)
        data_dir.mkdir()
        measure(data_dir, more)  # migrates, and writes bytecode
        help_seconds()
        pairs, helps = [], []
        for _ in range(options.runs):
            pairs.append((measure(data_dir), measure(data_dir, more)))
            helps.append(help_seconds())
    show("Start and memory (the reference is the limit)", lines(pairs, helps))


def lines(pairs: Sequence[tuple[Start, Start]], helps: Sequence[tuple[float, float]]) -> list[Line]:
    """Return the table of starts without and with the small plugins; what a plugin adds is counted in CPU time."""
    later = [(more.cpu - plain.cpu) * 1000 / PLUGINS for plain, more in pairs]
    larger = [(more.memory - plain.memory) / PLUGINS for plain, more in pairs]
    return [
        limit("start to the first 200", "s", 2.5, [plain.seconds for plain, _ in pairs]),
        limit("its CPU time", "s", 2.5, [plain.cpu for plain, _ in pairs]),
        limit("idle memory, every installed plugin", "MB", 160, [plain.memory for plain, _ in pairs]),
        limit("a further plugin, CPU time", "ms", 50, later),
        limit("a further plugin, memory", "MB", 3, larger),
        limit("rallypoint --help", "s", 0.3, [seconds for seconds, _ in helps]),
        limit("its CPU time", "s", 0.3, [used for _, used in helps]),
    ]


if __name__ == "__main__":
    main()
