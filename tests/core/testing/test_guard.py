"""What counts as using the network, in the words of Python's audit events."""

from __future__ import annotations

import pytest

from rallypoint.testing.contract.guard import NetworkGuard


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("192.0.2.1", 443))),
        ("socket.connect", (None, ("2001:db8::1", 443, 0, 0))),
        ("socket.sendto", (None, ("192.0.2.1", 53))),
        ("socket.getaddrinfo", ("api.example.com", 443, 0, 0, 0)),
        ("socket.getaddrinfo", (b"api.example.com", 443, 0, 0, 0)),
        ("socket.gethostbyname", ("api.example.com",)),
    ],
)
def test_what_leaves_this_machine_is_refused(event, arguments):
    guard = NetworkGuard()
    with pytest.raises(OSError, match="under examination"):
        guard._audit(event, arguments)
    assert guard.attempts


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("open", ("/etc/hosts", "r", 0)),
        ("socket.connect", (None, ("127.0.0.1", 80))),
        ("socket.connect", (None, ("::1", 80, 0, 0))),
        ("socket.connect", (None, "/run/some.sock")),
        ("socket.getaddrinfo", ("localhost", 80, 0, 0, 0)),
        ("socket.getaddrinfo", (None, 80, 0, 0, 0)),
    ],
)
def test_this_machine_is_free_except_while_plugins_are_imported(event, arguments):
    guard = NetworkGuard()
    guard._audit(event, arguments)
    assert guard.attempts == []


def test_even_this_machine_is_refused_during_import():
    guard = NetworkGuard()
    guard.strict = True
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        guard._audit("socket.connect", (None, ("127.0.0.1", 80)))
