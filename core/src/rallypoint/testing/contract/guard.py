"""Watches what a process does with the network, from below: no library gets past an audit hook."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_WATCHED = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"})


class NetworkGuard:
    """Refuses the network: all of it while ``strict``, afterwards what is not on this machine.

    An audit hook cannot be removed, so this belongs into a process that ends soon.

    Attributes:
        attempts: What was refused, one line each.
    """

    def __init__(self) -> None:
        self.strict = False
        self.attempts: list[str] = []

    def install(self) -> None:
        """Begin to watch."""
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _WATCHED:
            return
        host = _host(event, arguments)
        if host is None or (not self.strict and _is_here(host)):
            return
        self.attempts.append(f"{event} {host}")
        raise OSError(f"a plugin under examination reaches for {host}")


def _host(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return where an audited call goes; None for sockets that have no host, such as those of a pipe."""
    address = arguments[0] if event.startswith("socket.geta") or event.endswith("byname") else arguments[1]
    if isinstance(address, tuple):
        address = address[0] if address else None
    return address.decode() if isinstance(address, bytes) else address if isinstance(address, str) else None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("/")
