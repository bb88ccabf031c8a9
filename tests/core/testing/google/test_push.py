"""Channels are opened and refused as Google does, and real requests come over them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from core.testing.google.conftest import Asker
from rallypoint.testing.google import GoogleFake

WATCH = "/calendar/v3/calendars/primary/events/watch"
STOP = "/calendar/v3/channels/stop"


class Receiver:
    """Our server's side: takes notifications."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[web.Request] = []
        self.status = 200

    async def take(self, request: web.Request) -> web.Response:
        assert await request.read() == b""
        self.heard.append(request)
        return web.Response(status=self.status)

    def states(self) -> list[tuple[str, str]]:
        return [
            (one.headers["X-Goog-Message-Number"], one.headers["X-Goog-Resource-State"]) for one in self.heard
        ]


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made, app = Receiver(), web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


def channel(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"id": "channel-1", "type": "web_hook", "address": receiver.url, "token": "secret", **more}


async def test_changes_are_announced_until_the_channel_ends(
    mia: Asker, google: GoogleFake, receiver: Receiver, meeting: dict[str, Any]
) -> None:
    status, opened = await mia("POST", WATCH, channel(receiver))
    assert status == 200
    assert int(opened["expiration"]) > time.time() * 1000
    made = google.calendar().insert(meeting)
    google.calendar().delete(made["id"])
    google.calendar("noa@example.com").insert(meeting)
    await google.channels.quiet()
    assert receiver.states() == [("1", "sync"), ("2", "exists"), ("3", "exists")]
    headers = receiver.heard[-1].headers
    assert (headers["X-Goog-Channel-ID"], headers["X-Goog-Channel-Token"]) == ("channel-1", "secret")
    assert headers["X-Goog-Resource-ID"] == opened["resourceId"]

    stop = {"id": "channel-1", "resourceId": opened["resourceId"]}
    assert (await mia("POST", STOP, {**stop, "resourceId": "other"}))[0] == 404
    assert (await mia("POST", STOP, stop))[0] == 204
    assert (await mia("POST", STOP, stop))[0] == 404
    google.calendar().insert(meeting)
    await google.channels.quiet()
    assert len(receiver.heard) == 3


async def test_a_busy_receiver_is_told_again(mia: Asker, google: GoogleFake, receiver: Receiver) -> None:
    receiver.status, google.channels.retry_seconds = 503, 0.001
    await mia("POST", WATCH, channel(receiver))
    await google.channels.quiet()
    assert len(receiver.heard) == 5


async def test_messages_are_lost_repeated_and_forged_on_demand(
    mia: Asker, google: GoogleFake, receiver: Receiver, meeting: dict[str, Any]
) -> None:
    await mia("POST", WATCH, channel(receiver))
    google.channels.muted = True
    google.calendar().insert(meeting)
    google.channels.muted = False
    google.channels.send("channel-1", "not_exists", X_Goog_Channel_Token="wrong", X_Goog_Message_Number="1")
    await google.channels.quiet()
    assert receiver.states() == [("1", "sync"), ("1", "not_exists")]
    assert receiver.heard[-1].headers["X-Goog-Channel-Token"] == "wrong"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "white space"}, "channelIdInvalid"),
        ({"id": "x" * 65}, "channelIdInvalid"),
        ({"type": "carrier pigeon"}, "channelUnknown"),
        ({"address": "ftp://example.com/"}, "push.webhookUrlNotHttps"),
        ({"token": "x" * 257}, "invalid"),
        ({"expiration": "soon"}, "parseError"),
    ],
)
async def test_bad_channels_are_refused(
    mia: Asker, receiver: Receiver, change: dict[str, Any], reason: str
) -> None:
    status, refusal = await mia("POST", WATCH, channel(receiver, **change))
    assert (status, refusal["error"]["errors"][0]["reason"]) == (400, reason)


async def test_ids_of_channels_are_used_once_and_addresses_are_secure(receiver: Receiver) -> None:
    import aiohttp

    async with GoogleFake(insecure_push=False) as google, aiohttp.ClientSession() as session:
        ask = Asker(google, session)
        await ask.sign_in()
        status, refusal = await ask("POST", WATCH, channel(receiver))
        assert (status, refusal["error"]["errors"][0]["reason"]) == (400, "push.webhookUrlNotHttps")
        google.channels.insecure = True
        assert (await ask("POST", WATCH, channel(receiver)))[0] == 200
        status, refusal = await ask("POST", WATCH, channel(receiver))
        assert (status, refusal["error"]["errors"][0]["reason"]) == (400, "channelIdNotUnique")
