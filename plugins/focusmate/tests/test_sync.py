"""Sessions become rooms: through the real rooms, connections and schedule, against a strict stand-in."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from plugins.focusmate.tests.conftest import MIA, USER, World

from rallypoint.connections.api import Owner
from rallypoint.errors import NeedsReauth, RetryLater


async def test_connecting_brings_upcoming_sessions_in(world: World) -> None:
    world.fake.book("s1", world.soon)
    await world.connect()
    await world.synced()
    room = await world.room()
    assert (room["name"], room["status"], room["max_participants"]) == ("Focusmate session", "scheduled", 2)
    assert (room["external_service_name"], room["external_service_id"]) == ("focusmate", "s1")
    assert room["scheduled_start"] == world.soon.timestamp() * 1000
    assert room["scheduled_end"] == (world.soon + timedelta(minutes=50)).timestamp() * 1000
    assert (room["is_public"], room["created_by"]) == (False, USER)


async def test_unchanged_sessions_write_nothing(world: World) -> None:
    world.fake.book("s1", world.soon)
    world.fake.book("s2", world.running, users=("fm-me", "fm-partner"))
    world.fake.book("s3", world.now - timedelta(days=2))
    await world.connect()
    await world.synced()
    await world.sync()  # forgets what is over and no longer looked at
    before = await world.events(), await world.state()
    for _ in range(3):
        await world.sync()
    assert (await world.events(), await world.state()) == before
    assert len(await world.rooms()) == 3


async def test_a_partner_who_joins_is_an_event(world: World) -> None:
    world.fake.book("s1", world.running)
    world.fake.join("s1", "fm-me")
    await world.connect()
    await world.synced()
    assert await world.people() == {"fm-me": USER}
    world.fake.match("s1")
    await world.sync()
    assert await world.people() == {"fm-me": USER}
    world.fake.join("s1", "fm-partner")
    await world.sync()
    people = await world.people()
    assert set(people) == {"fm-me", "fm-partner"}
    assert people["fm-partner"] != USER
    assert await world.events() == ["room.created", "participant.joined", "participant.joined"]


async def test_the_order_of_users_says_nothing(world: World) -> None:
    world.fake.book("s1", world.running, users=("fm-me", "fm-partner"))
    world.fake.join("s1", "fm-me")
    world.fake.join("s1", "fm-partner")
    await world.connect()
    await world.synced()
    before = await world.events()
    world.fake.sessions["s1"]["users"].reverse()
    await world.sync()
    assert await world.events() == before


async def test_a_partner_who_cancels_leaves_and_another_comes(world: World) -> None:
    world.fake.book("s1", world.running, users=("fm-me", "fm-partner"))
    world.fake.join("s1", "fm-partner")
    await world.connect()
    await world.synced()
    world.fake.unmatch("s1")
    await world.sync()
    assert await world.people() == {}
    world.fake.match("s1", "fm-other")
    world.fake.join("s1", "fm-other")
    await world.sync()
    assert set(await world.people()) == {"fm-other"}


async def test_a_completed_session_ends_the_room(world: World) -> None:
    world.fake.book("s1", world.running, users=("fm-me", "fm-partner"))
    world.fake.join("s1", "fm-me")
    await world.connect()
    await world.synced()
    world.fake.complete("s1")
    await world.sync()
    assert (await world.room())["status"] == "ended"
    assert await world.events() == ["room.created", "participant.joined", "participant.left", "room.ended"]


async def test_a_past_session_tells_who_was_there(world: World) -> None:
    world.fake.book("s1", world.now - timedelta(days=3), users=("fm-me", "fm-partner"))
    world.fake.join("s1", "fm-me", world.now - timedelta(days=3))
    world.fake.join("s1", "fm-partner", world.now - timedelta(days=3))
    await world.connect()
    await world.synced()
    assert (await world.room())["status"] == "ended"
    assert (await world.events()).count("participant.joined") == 2


async def test_a_moved_session_moves_the_room(world: World) -> None:
    world.fake.book("s1", world.soon)
    await world.connect()
    await world.synced()
    world.fake.book("s1", world.soon + timedelta(hours=1), minutes=25)
    await world.sync()
    room = await world.room()
    assert room["scheduled_end"] == (world.soon + timedelta(minutes=85)).timestamp() * 1000
    assert await world.events() == ["room.created", "room.updated"]


async def test_quiet_mode_is_a_silent_room(world: World) -> None:
    world.fake.book("s1", world.soon)
    world.fake.sessions["s1"]["users"][0]["preferences"]["quietMode"] = True
    await world.connect()
    await world.synced()
    assert (await world.room())["room_type"] == "silent"


async def test_a_cancelled_session_ends_its_room_once_it_is_certain(world: World) -> None:
    world.fake.book("s1", world.soon)
    await world.connect()
    await world.synced()
    session = world.fake.sessions.pop("s1")
    await world.sync()
    assert (await world.room())["status"] == "scheduled"
    world.fake.sessions["s1"] = session
    await world.sync()
    del world.fake.sessions["s1"]
    await world.sync()
    assert (await world.room())["status"] == "scheduled"
    await world.sync()
    assert (await world.room())["status"] == "ended"


async def test_later_syncs_look_back_no_further_than_needed(world: World) -> None:
    world.fake.book("s1", world.running - timedelta(hours=2), minutes=180)
    await world.connect()
    await world.synced()
    await world.sync()
    first, second = (request.query for request in world.fake.received("GET", "/v1/sessions"))
    assert datetime.fromisoformat(first["start"]) < world.now - timedelta(days=6)
    assert datetime.fromisoformat(second["start"]) <= world.running - timedelta(hours=2)
    assert datetime.fromisoformat(second["start"]) > world.now - timedelta(hours=3)
    del world.fake.sessions["s1"]
    await world.sync()
    await world.sync()
    await world.sync()
    last = world.fake.received("GET", "/v1/sessions")[-1].query
    assert datetime.fromisoformat(last["start"]) > world.now - timedelta(minutes=61)


async def test_one_session_that_cannot_be_read_hides_no_other(world: World) -> None:
    world.fake.book("s1", world.soon)
    world.fake.book("s2", world.soon)
    world.fake.sessions["s2"]["duration"] = "long"
    await world.connect()
    await world.synced()
    assert (await world.room())["external_service_id"] == "s1"


@pytest.mark.parametrize("body", ["[]", '{"sessions":{}}', "null", '"no"'])
async def test_a_reply_that_is_not_theirs_changes_nothing(world: World, body: str) -> None:
    world.fake.book("s1", world.soon)
    await world.connect()
    await world.synced()
    world.fake.fail(200, body=body, path="/v1/sessions")
    with pytest.raises(RetryLater):
        await world.sync()
    assert (await world.room())["status"] == "scheduled"


async def test_failures_of_the_provider_change_nothing(world: World) -> None:
    world.fake.book("s1", world.soon)
    await world.connect()
    await world.synced()
    world.fake.fail(503, times=3)
    with pytest.raises(RetryLater):
        await world.sync()
    world.fake.fail(429, headers={"Retry-After": "30"})
    with pytest.raises(RetryLater) as error:
        await world.sync()
    assert error.value.after == 30
    assert (await world.room())["status"] == "scheduled"


async def test_a_key_that_dies_stops_the_sync_and_a_new_one_goes_on(world: World) -> None:
    await world.connect()
    await world.synced()
    world.fake.keys = {"new-key": "fm-me"}
    with pytest.raises(NeedsReauth):
        await world.sync()
    world.fake.book("s1", world.soon)
    await world.house.connections.connect(MIA, "focusmate", "new-key")
    await world.sync()
    assert len(await world.rooms()) == 1


async def test_many_sessions_fit(world: World) -> None:
    for number in range(450):
        world.fake.book(f"{number:064}", world.soon + timedelta(hours=number))
    await world.connect()
    await world.synced()
    assert len(await world.rooms()) == 400
    events = await world.events()
    await world.sync()
    assert await world.events() == events


async def test_two_users_of_one_session_share_a_room(world: World) -> None:
    paul = Owner(MIA.account_id, "0190a000-0000-7000-8000-0000000000cc", "live")
    world.fake.keys["paul-key"] = "fm-partner"
    world.fake.book("s1", world.running, users=("fm-me", "fm-partner"))
    await world.connect()
    await world.synced()
    await world.house.connections.connect(paul, "focusmate", "paul-key")
    await world.synced(paul)
    before = await world.events()
    await world.sync()
    await world.sync(paul)
    assert await world.events() == before
    assert len(await world.rooms()) == 1


async def test_the_sandbox_never_calls(world: World) -> None:
    await world.connect(Owner("0190a000-0000-7000-8000-0000000000dd", USER, "sandbox"))
    assert world.fake.requests == []
