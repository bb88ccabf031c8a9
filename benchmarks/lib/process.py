"""Processes under measurement: pinned to a core, watched through /proc, stopped by their id."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

SERVER_CORE, LOAD_CORE = 0, 1
START_SECONDS = 30.0
STOP_SECONDS = 15.0
ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Let processes started inside the block run on one core only, where the system can do that."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run_pinned(core: int, command: Sequence[str], *, seconds: float) -> str:
    """Run a command on one core and return its output.

    Raises:
        RuntimeError: It failed, or took longer than ``seconds``; the message ends with what it wrote.
    """
    try:
        with pinned(core):
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds, check=False, cwd=ROOT
            )
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f"{command[0]} took more than {seconds} s: {late.stderr!r}") from late
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


class Program:
    """A server that is not ours, on a loopback port; a context manager.

    Args:
        command: What to run; ``{port}`` stands for the port.
        port: Where it listens.
        core: Where it runs.
        env: Further variables.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        *,
        core: int = SERVER_CORE,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._command = [part.replace("{port}", str(port)) for part in command]
        self._core = core
        self._env = {**os.environ, **(env or {})}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process

    def __enter__(self) -> Program:
        with pinned(self._core):
            self._process = subprocess.Popen(
                self._command, env=self._env, stdout=self._log, stderr=self._log, cwd=ROOT
            )
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if answers(self.url):
                return self
            time.sleep(0.05)
        stop(self._process)
        raise RuntimeError(f"{self._command[:3]} did not start:\n{self.output()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._process)
        self._log.close()

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._process.pid

    def output(self) -> str:
        """Return the end of what it wrote."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]


def answers(url: str) -> bool:
    """Tell whether an HTTP server answers at ``url``, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except (OSError, urllib.error.URLError):
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and kill it when it does not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, in user and kernel mode (proc(5), ``/proc/pid/stat``)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_seconds(pid: int) -> float:
    """Return how long a process was ready to run and had no core (``/proc/pid/schedstat``)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10⁶ bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def python(*arguments: str) -> list[str]:
    """Return a command that runs this interpreter."""
    return [sys.executable, *arguments]
