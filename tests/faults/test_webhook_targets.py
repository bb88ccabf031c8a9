"""Targets that misbehave in every way, each beside a healthy one that must not notice."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from rallypoint.storage.database import Database
from rallypoint.webhooks import guard
from rallypoint.webhooks.sender import Sender
from support.delivery_house import Receiver, eventually, open_house, open_receiver

EVENTS = 20


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


def hanging(receiver: Receiver) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    receiver.answers["/bad"] = hang


def redirecting(receiver: Receiver) -> None:
    receiver.answer("/bad", [302], Location=receiver.url("/secret"))


def failing(receiver: Receiver) -> None:
    receiver.answer("/bad", [500])


def limiting(receiver: Receiver) -> None:
    receiver.answer("/bad", [429], Retry_After="60")


def gone(receiver: Receiver) -> None:
    receiver.answer("/bad", [410])


def cutting(receiver: Receiver) -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    receiver.answers["/bad"] = cut


def flooding(receiver: Receiver) -> None:
    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    receiver.answers["/bad"] = flood


FAULTS = [hanging, redirecting, failing, limiting, gone, cutting, flooding]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_bad_target_delays_nobody(
    fault: Callable[[Receiver], None], database: Database, receiver: Receiver
) -> None:
    fault(receiver)
    async with open_house(database, webhook_timeout=1.5) as house:
        for number in range(EVENTS):
            await house.target(f"room:{number}", receiver.url("/bad"))
            await house.target(f"room:{number}", receiver.url("/good"))
        begun = time.monotonic()
        for number in range(EVENTS):
            await house.happen(f"room:{number}")
        await eventually(lambda: len(receiver.on("/good")) == EVENTS)
        await house.happen("room:0", {"late": True})
        await eventually(lambda: len(receiver.on("/good")) == EVENTS + 1)
        assert time.monotonic() - begun < 1.5
        assert receiver.on("/bad")
        assert not receiver.on("/secret")


async def test_more_hanging_targets_than_workers_delay_nobody(database: Database, receiver: Receiver) -> None:
    hanging(receiver)
    async with open_house(database, webhook_timeout=4) as house:
        for number in range(250):
            await house.target(f"room:{number}", receiver.url("/bad"))
        await house.target("room:good", receiver.url("/good"))
        async with house.database.transaction() as tx:
            for number in range(250):
                await house.outbox.add(tx, house.draft(f"room:{number}"))
        await eventually(lambda: len(receiver.got) >= 100)
        begun = time.monotonic()
        await house.happen("room:good")
        await eventually(lambda: bool(receiver.on("/good")))
        assert time.monotonic() - begun < 2.5


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (hanging, None, "timeout"),
        (redirecting, 302, ""),
        (cutting, None, "connection"),
        (limiting, 429, ""),
        (flooding, 200, ""),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_an_attempt_says(
    fault: Callable[[Receiver], None], status: int | None, error: str, receiver: Receiver
) -> None:
    fault(receiver)
    sender = Sender(allow_private=True, timeout=0.5)
    result = await sender.send(receiver.url("/bad"), ["whsec_" + "a" * 44], "id", b"{}")
    await sender.close()
    assert (result.status, result.error) == (status, error)
    assert len(result.reply) <= 1024
    assert result.retry_after == (60 if status == 429 else None)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]"],
)
async def test_nothing_reaches_this_machine_while_the_guard_is_on(host: str, receiver: Receiver) -> None:
    sender = Sender(allow_private=False, timeout=2)
    url = receiver.url("/bad").replace("127.0.0.1", host)
    result = await sender.send(url, ["whsec_" + "a" * 44], "id", b"{}")
    await sender.close()
    assert result.error in {"private_address", "dns", "protocol"}  # some forms are no host to the client
    assert receiver.got == []


async def test_a_name_that_is_rebound_after_the_check_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL is fine, the name was public when it was checked; at connect time it is loopback."""
    guard.check_url("https://rebound.example/hook", allow_private=False)
    loop = asyncio.get_running_loop()

    async def rebound(host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]

    monkeypatch.setattr(loop, "getaddrinfo", rebound)
    sender = Sender(allow_private=False, timeout=2)
    result = await sender.send("http://rebound.example/hook", ["whsec_" + "a" * 44], "id", b"{}")
    await sender.close()
    assert result.error == "private_address"
    assert receiver.got == []


async def test_a_name_that_does_not_resolve_is_retried(database: Database, receiver: Receiver) -> None:
    async with open_house(database) as house:
        await house.target("room:1", "http://no-such-host.invalid/hook")
        await house.happen("room:1")
        await eventually(lambda: house.states_are("failed"))
        rows = await database.fetch("SELECT error FROM webhook_attempts")
        assert [row["error"] for row in rows] == ["dns"] * 4


async def test_a_refused_connection_and_bad_tls_are_told_apart(receiver: Receiver) -> None:
    sender = Sender(allow_private=True, timeout=2)
    secrets = ["whsec_" + "a" * 44]
    refused = await sender.send("http://127.0.0.1:1/", secrets, "id", b"{}")
    tls = await sender.send(receiver.url("/").replace("http:", "https:"), secrets, "id", b"{}")
    await sender.close()
    assert (refused.error, tls.error) == ("connection", "tls")
