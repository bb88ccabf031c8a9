"""Zoom's events: genuine or refused, told once, and linked to the appointment they are about."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.sdk import BadRequest, Inbound
from rallypoint_zoom.fake import ZoomFake
from rallypoint_zoom.webhooks import delivery_id, handshake, read, signed
from support.listener import Listener

from .conftest import AT, SECRET, Caller, book, create
from .test_appointments import ready

PERSON = {"user_id": "16778240", "user_name": "Zoë Doe", "id": "x1", "email": "zoe@example.org"}
NAMES = ("zoom.meeting.started", "zoom.participant.joined", "zoom.participant.left", "zoom.meeting.ended")


def listen(caller: Caller) -> Listener:
    """Follow what a user is told."""
    claims = caller.token.split(".")[1]
    user_id = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    return Listener(caller.server.url, caller.token, f"user:{user_id}", presence=False)


def heard(listener: Listener) -> list[Any]:
    return [payload for event, payload in listener.heard if event.startswith("zoom.")]


async def post(caller: Caller, fake: ZoomFake, body: bytes, **more: Any) -> tuple[int, bytes]:
    return await fake.post(f"{caller.server.url}/webhooks/zoom", more.pop("secret", SECRET), body, **more)


async def settled(caller: Caller, fake: ZoomFake, number: int | str) -> None:
    """Wait until everything posted before was handled, by an event that comes after it."""
    async with listen(caller) as listener:
        assert (await post(caller, fake, fake.event("meeting.started", number)))[0] == 200
        await listener.until(lambda: heard(listener))


async def test_what_happens_in_a_meeting_is_told_with_its_appointment(alice: Caller, fake: ZoomFake) -> None:
    booked = await asyncio.to_thread(lambda: book(alice, meeting="zoom"))
    meeting = await asyncio.to_thread(ready, alice, booked["id"])
    number = meeting["meetingId"]
    joined = {**PERSON, "join_time": "2027-01-01T10:01:30Z"}
    left = {**PERSON, "leave_time": "2027-01-01T10:29:00Z", "leave_reason": "left the meeting"}
    bodies = [
        fake.event("meeting.started", number, start_time=AT),
        fake.event("meeting.participant_joined", number, participant=joined),
        fake.event("meeting.participant_left", number, participant=left),
        fake.event("meeting.ended", number, start_time=AT, end_time="2027-01-01T10:30:00Z"),
    ]
    async with listen(alice) as listener:
        for body in bodies:
            assert (await post(alice, fake, body))[0] == 200
        await listener.until(lambda: len(heard(listener)) == 4)
    events = heard(listener)
    assert [one["event"] for one in events] == list(NAMES)
    assert {one["data"]["appointmentId"] for one in events} == {f"appt_{booked['id']}"}
    assert {one["data"]["meetingId"] for one in events} == {number}
    times = ["10:00:00", "10:01:30", "10:29:00", "10:30:00"]
    assert [one["data"]["at"] for one in events] == [f"2027-01-01T{at}.000Z" for at in times]
    assert all(one["timestamp"] == one["data"]["at"] for one in events)
    people = [one["data"]["participant"] for one in events]
    zoe = {"id": "x1", "name": "Zoë Doe", "email": "zoe@example.org"}
    assert people == [None, zoe, zoe, None]


async def test_a_meeting_without_an_appointment_is_told_of_too(alice: Caller, fake: ZoomFake) -> None:
    made = (await asyncio.to_thread(create, alice))[1]
    async with listen(alice) as listener:
        await post(alice, fake, fake.event("meeting.started", made["id"]))
        await listener.until(lambda: heard(listener))
    (event,) = heard(listener)
    assert (event["data"]["appointmentId"], event["data"]["topic"]) == (None, "Consultation")


async def test_what_zoom_sends_again_is_told_once(alice: Caller, fake: ZoomFake) -> None:
    made = (await asyncio.to_thread(create, alice))[1]
    body = fake.event("meeting.ended", made["id"], end_time=AT)
    async with listen(alice) as listener:
        for age in (0, 0, 60, 200):
            assert (await post(alice, fake, body, at=int(time.time()) - age))[0] == 200
        await settled(alice, fake, made["id"])
        await listener.until(lambda: len(heard(listener)) >= 2)
    assert [one["event"] for one in heard(listener)] == ["zoom.meeting.ended", "zoom.meeting.started"]


async def test_meetings_of_others_are_nobodys_business(alice: Caller, bob: Caller, fake: ZoomFake) -> None:
    made = (await asyncio.to_thread(create, bob))[1]
    mine = (await asyncio.to_thread(create, alice))[1]
    async with listen(alice) as listener:
        for number in (made["id"], 4711, "0"):
            assert (await post(alice, fake, fake.event("meeting.started", number)))[0] == 200
        await settled(alice, fake, mine["id"])
        await listener.until(lambda: heard(listener))
    assert [one["data"]["meetingId"] for one in heard(listener)] == [str(mine["id"])]


async def test_what_is_not_genuine_is_refused(alice: Caller, fake: ZoomFake) -> None:
    made = (await asyncio.to_thread(create, alice))[1]
    body, now = fake.event("meeting.started", made["id"]), int(time.time())
    async with listen(alice) as listener:
        assert (await post(alice, fake, body, secret="another"))[0] == 401
        for at in (now - 301 - 5, now + 301 + 5, 0):
            assert (await post(alice, fake, body, at=at or 1))[0] == 401
        for headers in (
            {},
            {"x-zm-signature": "v0=" + "0" * 64},
            {"x-zm-request-timestamp": str(now)},
            {**signed(SECRET, body, now), "x-zm-request-timestamp": str(now - 1)},
            {**signed(SECRET, body, now), "x-zm-signature": signed(SECRET, body, now)["x-zm-signature"][3:]},
            signed(SECRET, body + b" ", now),
        ):
            status, _ = await asyncio.to_thread(
                alice.server.request, "POST", "/webhooks/zoom", json.loads(body), headers=headers
            )
            assert status == 401
        await asyncio.sleep(0.5)
    assert heard(listener) == []


async def test_the_address_is_proved_as_zoom_asks(alice: Caller, fake: ZoomFake) -> None:
    body = json.dumps(
        {"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}
    )
    status, answer = await post(alice, fake, body.encode())
    expected = hmac.new(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert (status, json.loads(answer)) == (
        200,
        {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": expected},
    )
    assert (await post(alice, fake, body.encode(), secret="another"))[0] == 401
    assert (await post(alice, fake, b'{"event":"endpoint.url_validation"}'))[0] == 400


async def test_bodies_that_are_not_zooms_are_refused_or_left(alice: Caller, fake: ZoomFake) -> None:
    for body in (b"", b"no", b"[]", b"null"):
        assert (await post(alice, fake, body))[0] == 400
    for body in (b"{}", b'{"event":"meeting.deleted"}', b'{"event":"meeting.started","payload":7}'):
        assert (await post(alice, fake, body))[0] == 200


async def test_without_a_secret_nothing_is_taken(start: Callable[..., Caller], fake: ZoomFake) -> None:
    caller = await asyncio.to_thread(lambda: start(RALLYPOINT_ZOOM_WEBHOOK_SECRET=""))
    assert (await post(caller, fake, fake.event("meeting.started", 1), secret="x"))[0] == 503


def inbound(body: bytes) -> Inbound:
    return Inbound(body, {}, {}, "/webhooks/zoom")


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        assert read(inbound(body)) is None
        assert handshake(inbound(body), SECRET) is None
    except BadRequest:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(
    name=st.sampled_from(["meeting.started", "meeting.ended", "meeting.participant_left"]),
    meeting=st.dictionaries(
        st.sampled_from(["id", "topic", "start_time", "end_time", "participant"]), JSON, max_size=5
    ),
    stamp=JSON,
)
def test_odd_values_in_an_event_do_no_harm(name: str, meeting: dict[str, Any], stamp: Any) -> None:
    body = json.dumps({"event": name, "event_ts": stamp, "payload": {"object": meeting}}).encode()
    found = read(inbound(body))
    if found is not None:
        assert found.meeting_id.isdigit()
        assert found.at > 0
        assert found.id == delivery_id(inbound(body))


@given(st.text(min_size=1, max_size=500).filter(lambda text: text.isprintable()))
def test_the_handshake_is_the_documented_one(plain: str) -> None:
    body = json.dumps({"event": "endpoint.url_validation", "payload": {"plainToken": plain}}).encode()
    reply = handshake(inbound(body), SECRET)
    assert reply is not None
    expected = hmac.new(SECRET.encode(), plain.encode(), hashlib.sha256).hexdigest()
    assert reply.body == {"plainToken": plain, "encryptedToken": expected}


@pytest.mark.parametrize("plain", ["", "x" * 501, None, 7])
def test_a_handshake_without_a_token_is_refused(plain: object) -> None:
    body = json.dumps({"event": "endpoint.url_validation", "payload": {"plainToken": plain}}).encode()
    with pytest.raises(BadRequest):
        handshake(inbound(body), SECRET)
