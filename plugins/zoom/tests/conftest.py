"""A served Rallypoint on each database with Zoom's stand-in beside it."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rallypoint.testing.server import ServerProcess
from rallypoint_zoom.fake import ZoomFake
from support.served import Caller, alice, bob, column, new_caller, postgresql, server_env

from .openapi import zoom_document

__all__ = ["alice", "bob", "column", "new_caller", "postgresql", "server_env"]

SECRET = "a-webhook-secret"
HOST = "jane@example.com"
AT = "2027-01-01T10:00:00Z"


def env_of(fake: ZoomFake) -> dict[str, str]:
    """The variables of booking.md, and where Zoom is."""
    return {
        "ZOOM_API_KEY": fake.client[0],
        "ZOOM_API_SECRET": fake.client[1],
        "ZOOM_ACCOUNT_ID": fake.account,
        "RALLYPOINT_ZOOM_WEBHOOK_SECRET": SECRET,
        "RALLYPOINT_ZOOM_API_URL": fake.api_url,
        "RALLYPOINT_ZOOM_TOKEN_URL": fake.token_url,
        "RALLYPOINT_RATE_LIMITS": "off",
        "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on",
    }


@pytest.fixture(scope="session")
def running() -> Iterator[ZoomFake]:
    """The stand-in, in a thread of its own."""
    fake, loop = ZoomFake(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(fake.start(), loop).result(10)
    yield fake
    asyncio.run_coroutine_threadsafe(fake.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def fake(running: ZoomFake) -> Iterator[ZoomFake]:
    """The stand-in with nothing in it; what it was asked for is held to Zoom's description."""
    running.meetings.clear()
    running.faults.clear()
    running.requests.clear()
    running.scopes = ZoomFake().scopes
    yield running
    for one in running.requests:
        if one.path.startswith("/v2/"):
            path = one.path.removeprefix("/v2")
            assert not zoom_document().request_problems(one.method, path, one.query, one.body)


@pytest.fixture(scope="module")
def server(
    server_env: Callable[[], dict[str, str]], tmp_path_factory: pytest.TempPathFactory, running: ZoomFake
) -> Iterator[ServerProcess]:
    """A server that all tests of a file and a column share."""
    env = {**env_of(running), **server_env()}
    with ServerProcess(tmp_path_factory.mktemp("zoom"), env) as started:
        yield started


@pytest.fixture
def start(
    server_env: Callable[[], dict[str, str]], tmp_path: Any, fake: ZoomFake
) -> Iterator[Callable[..., Caller]]:
    """Start a server of the test's own, with further variables, and register somebody."""
    started: list[ServerProcess] = []

    def begin(**more: str) -> Caller:
        own = ServerProcess(tmp_path / str(len(started)), {**env_of(fake), **server_env(), **more})
        started.append(own.__enter__())
        return Caller(own, own.register("mia@example.com"))

    yield begin
    for one in started:
        one.__exit__(None, None, None)


def create(caller: Caller, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Ask for a meeting as booking.md's client does."""
    wanted = {"hostEmail": HOST, "topic": "Consultation", "startTime": AT, "durationMinutes": 30}
    return caller(
        "POST", "/api/create-zoom-meeting", wanted if body is None else {**wanted, **body}, **headers
    )


def book(caller: Caller, at: str = AT, **more: Any) -> dict[str, Any]:
    """Make an appointment with a practitioner of the Zoom account."""
    status, doctor = caller("POST", "/api/practitioners", {"name": "Jane", "email": HOST})
    assert status == 201, doctor
    wanted = {"practitionerId": doctor["id"], "customerName": "John", "customerEmail": "john@example.org"}
    status, reply = caller("POST", "/api/appointments", {**wanted, "scheduledAt": at, "duration": 30, **more})
    assert status == 201, reply
    booked: dict[str, Any] = reply
    return booked


def eventually(check: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Return what ``check`` returns once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def asked(fake: ZoomFake, method: str, pattern: str) -> list[Any]:
    """Return the requests of a method whose path is like ``pattern``."""
    return [one for one in fake.requests if one.method == method and re.fullmatch(pattern, one.path)]
