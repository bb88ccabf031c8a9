"""A served Rallypoint on each database, a user with a key, and a Zapier that receives hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from rallypoint.testing.server import ServerProcess
from support.receiver import Receiver
from support.served import Caller, alice, bob, column, new_caller, postgresql, server, server_env, servers

__all__ = ["alice", "bob", "column", "new_caller", "postgresql", "server", "server_env", "servers"]


@dataclass
class Zapier:
    """What Zapier knows of a user: the key, and where to call."""

    server: ServerProcess
    key: str
    path: str

    def __call__(self, method: str, path: str = "", body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.request(
            method, self.path + path, body, headers={"X-Callnfy-Key": self.key, **named}
        )

    def subscribe(self, url: str, event: str = "appointment.created") -> str:
        status, reply = self("POST", "", {"hookUrl": url, "event": event})
        assert status == 201, reply
        return str(reply["id"])

    def book(self, at: str = "2027-01-01T10:00:00Z", **more: Any) -> dict[str, Any]:
        wanted = {"scheduledAt": at, "customerName": "John Doe", **more}
        status, reply = self("POST", "/actions/create-appointment", wanted)
        assert status == 201, reply
        booked: dict[str, Any] = reply["data"]
        return booked


def zapier_of(caller: Caller) -> Zapier:
    """Generate a key, or get it again."""
    status, reply = caller("POST", "/integrations/zapier/generate-key")
    assert status == 200, reply
    return Zapier(caller.server, reply["data"]["apiKey"], urlsplit(reply["data"]["webhookUrl"]).path)


@pytest.fixture
def zapier(alice: Caller) -> Zapier:
    """Zapier with Alice's key."""
    return zapier_of(alice)


@pytest.fixture
def sandbox(alice: Caller) -> Caller:
    """Alice in the sandbox."""
    status, reply = alice("POST", "/api/personal_api_keys", {"label": "sandbox", "sandbox": True})
    assert status == 201, reply
    return Caller(alice.server, reply["data"]["value"])


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where hooks arrive."""
    with Receiver() as running:
        yield running


@pytest.fixture
def strict(server_env: Callable[[], dict[str, str]], tmp_path: Any) -> Iterator[ServerProcess]:
    """A server as it is in production: limits are counted, and hooks must be https and public."""
    env = {"RALLYPOINT_ZAPIER_KEYS_PER_HOUR": "3", "RALLYPOINT_ZAPIER_MAX_SUBSCRIPTIONS": "2", **server_env()}
    with ServerProcess(tmp_path / "strict", env) as running:
        yield running
