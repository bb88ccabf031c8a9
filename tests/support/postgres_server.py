"""A PostgreSQL of a test's own, which it may restart: ``initdb`` in a folder, on a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from rallypoint.testing.process import free_port

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []


@cache
def binaries() -> Path:
    """Return the folder of PostgreSQL's programs, or skip the test (fail it in CI)."""
    found = shutil.which("initdb")
    folder = Path(found).parent if found else (_BINARIES[-1] if _BINARIES else None)
    if folder is None:
        reason = "PostgreSQL's own programs are not installed"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return folder


class PostgresServer:
    """A server with the database ``postgres`` and the role ``postgres``, trusted on loopback.

    PostgreSQL refuses to run as root, so as root it runs as the user ``postgres``, in a temporary folder of that
    user's own: pytest closes its folders to everybody else.

    Args:
        connections: How many it takes at most.
    """

    def __init__(self, connections: int = 100) -> None:
        self._connections = connections
        self._folder = TemporaryDirectory(prefix="rallypoint-postgres-")
        folder = Path(self._folder.name)
        self._data = folder / "pgdata"
        self._log = folder / "postgres.log"
        self._user = "postgres" if os.geteuid() == 0 else None
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        if self._user is not None:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"
        )

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
            f" -c max_connections={self._connections}"
        )
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._log), "-o", options, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` is a crash, with recovery at the next start."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def close(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        self._folder.cleanup()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(binaries() / program), *arguments]
        done = subprocess.run(
            command, user=self._user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
