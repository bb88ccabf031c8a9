"""Whether a program that a test has started listens yet."""

from __future__ import annotations

import socket


def listens(port: int) -> bool:
    """Tell whether somebody takes connections on a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
