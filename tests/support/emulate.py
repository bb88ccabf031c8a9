"""npm `emulate`: stateful stand-ins for providers that somebody else wrote, in a process of their own.

It needs Node.js 22.15; where the system's is older, the one that npm installed with it is taken.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rallypoint.testing.process import free_port
from support.node import PEERS, need_node, need_packages
from support.ports import listens

_WANTED = (22, 15)
_START_SECONDS = 30.0
_CPUS = {"x86_64": "x64", "aarch64": "arm64"}


@contextmanager
def emulator(service: str, seed: str, folder: Path) -> Iterator[str]:
    """Run one service and yield its base URL; skips (in CI: fails) without Node.js.

    Args:
        service: Such as ``google``.
        seed: YAML with its users and clients.
        folder: For the seed and the output.
    """
    packages, port = need_packages(), free_port()
    (folder / "seed.yaml").write_text(seed)
    command = [_node(), str(packages / "node_modules/emulate/dist/index.js"), "start", "-s", service]
    options = ["--port", str(port), "--seed", str(folder / "seed.yaml")]
    with (folder / "emulate.log").open("wb") as log:
        process = subprocess.Popen([*command, *options], stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            _wait(process, folder / "emulate.log", port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _node() -> str:
    found = need_node()
    if _version(found) >= _WANTED:
        return found
    name = f"node-{platform.system().lower()}-{_CPUS.get(platform.machine(), platform.machine())}"
    bundled = PEERS / "node_modules" / name / "bin" / "node"
    if bundled.exists():
        return str(bundled)
    reason = f"emulate needs Node.js {'.'.join(map(str, _WANTED))} or newer"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def _wait(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if listens(port):
            return
        time.sleep(0.1)
    raise RuntimeError(f"emulate did not start: {log.read_text()[-1000:]}")
