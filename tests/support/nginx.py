"""A real nginx in front of servers, configured as the operators' documentation says; without one a test skips."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docs.markdown import blocks
from rallypoint.testing.process import free_port
from support.node import without
from support.ports import listens

START_SECONDS = 10
# What Debian's own file holds around a site, in a folder of the test's.
AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    log_format routes '$remote_addr $upstream_addr $uri';
    access_log {folder}/access.log routes;
    {temporary}
    {site}
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def need_nginx() -> str:
    """Return the path of nginx, or skip the test (fail it in CI)."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        without("nginx is needed to try the documented configuration")
    return str(found)


def documented(port: int, servers: Sequence[int]) -> str:
    """Return the documented site with other ports, and without TLS."""
    (site,) = blocks("docs/operators/scaling.md", "nginx")
    replaced = {"listen 443 ssl;": f"listen 127.0.0.1:{port};"}
    replaced |= {
        f"server 127.0.0.1:{8081 + number} ": f"server 127.0.0.1:{own} " for number, own in enumerate(servers)
    }
    for ours, tests in replaced.items():
        assert ours in site, f"the documented configuration has no {ours!r}"
        site = site.replace(ours, tests)
    return site


@dataclass(frozen=True)
class Proxy:
    """A running nginx.

    Args:
        url: Where it listens.
        log: One line for each request.
    """

    url: str
    log: Path

    def servers_of(self, path: str) -> dict[str, set[str]]:
        """Return which servers have answered each client's requests of a path."""
        found: dict[str, set[str]] = {}
        for line in self.log.read_text().splitlines():
            client, server, asked = line.split(" ")
            if asked == path:
                found.setdefault(client, set()).add(server)
        return found


@contextmanager
def nginx(folder: Path, servers: Sequence[int]) -> Iterator[Proxy]:
    """Run nginx before servers on these ports of loopback for as long as the block."""
    binary, port = need_nginx(), free_port()
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    user = "user root;" if os.getuid() == 0 else ""  # else its workers could not enter the folder
    written = AROUND.format(folder=folder, user=user, temporary=temporary, site=documented(port, servers))
    (folder / "nginx.conf").write_text(written)
    process = subprocess.Popen([binary, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"])
    try:
        deadline = time.monotonic() + START_SECONDS
        while not listens(port):
            assert process.poll() is None, "nginx ended"
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.02)
        yield Proxy(f"http://127.0.0.1:{port}", folder / "access.log")
    finally:
        process.terminate()
        process.wait(10)
