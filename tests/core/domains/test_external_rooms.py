"""Sessions of other services as rooms: brought in by plugins, idempotent to the last field."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rallypoint.domains.rooms.api import ExternalParticipant, ExternalRoom, Pull, Rooms, RoomSource
from rallypoint.domains.rooms.domain import RoomsDomain
from rallypoint.domains.rooms.external import person_id
from rallypoint.domains.rooms.schemas import ConfigureIntegration, CreateRoom, SyncRoom
from rallypoint.errors import Conflict, NotFound
from rallypoint.identity.api import Principal
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id

HERE = ExternalParticipant("fm-1", joined_at=1_000)
THERE = ExternalParticipant("fm-2", joined_at=2_000)


@pytest.fixture
def rooms(app):
    return app.house.kernel.services.get(Rooms)


@pytest.fixture
def who():
    return {
        "account_id": new_id(),
        "mode": "live",
        "owner_id": new_id(),
        "service": "focusmate",
        "external_id": "s1",
    }


async def events(app):
    return [row["type"] for row in await app.house.database.fetch("SELECT type FROM events ORDER BY id")]


async def test_a_session_becomes_one_room_and_a_repeat_writes_nothing(app, rooms, who):
    session = ExternalRoom("Deep work", participants=(HERE, THERE), tags=("x",))
    first = await rooms.upsert_external(**who, room=session)
    assert (first.created, first.current_participants) == (True, 2)
    told = await events(app)
    assert told == ["room.created", "participant.joined", "participant.joined"]
    again = await rooms.upsert_external(**who, room=session)
    assert (again.id, again.created, again.changed) == (first.id, False, ())
    assert await events(app) == told


async def test_people_come_and_go_with_the_session(app, rooms, who):
    session = ExternalRoom("Deep work", participants=(HERE, ExternalParticipant("fm-2")))
    assert (await rooms.upsert_external(**who, room=session)).current_participants == 1
    view = await rooms.upsert_external(**who, room=replace(session, participants=(THERE,)))
    assert (view.current_participants, view.changed) == (1, ("participants",))
    assert (await events(app))[2:] == ["participant.left", "participant.joined"]
    untold = await rooms.upsert_external(**who, room=replace(session, participants=None))
    assert untold.current_participants == 1


async def test_whom_the_provider_let_in_fits(rooms, who):
    people = tuple(ExternalParticipant(f"p{number}", joined_at=1) for number in range(3))
    view = await rooms.upsert_external(
        **who, room=ExternalRoom("Full", max_participants=2, participants=people)
    )
    assert view.current_participants == 3


async def test_an_ended_session_ends_the_room_for_good(app, rooms, who):
    session = ExternalRoom("Deep work", participants=(HERE,))
    await rooms.upsert_external(**who, room=session)
    over = await rooms.upsert_external(**who, room=replace(session, ended=True))
    assert (over.status, over.current_participants) == ("ended", 0)
    told = await events(app)
    assert told[-2:] == ["participant.left", "room.ended"]
    later = await rooms.upsert_external(**who, room=replace(session, name="Renamed"))
    assert (later.status, later.changed) == ("ended", ())
    assert await events(app) == told


async def test_a_session_that_is_over_when_first_seen_is_history(rooms, who):
    view = await rooms.upsert_external(
        **who, room=ExternalRoom("Past", scheduled_start=1, scheduled_end=2, ended=True)
    )
    assert (view.created, view.status) == (True, "ended")


async def test_rooms_are_found_in_their_account_and_mode_alone(rooms, who):
    made = await rooms.upsert_external(**who, room=ExternalRoom("Mine"))
    key = {name: who[name] for name in ("account_id", "mode", "service", "external_id")}
    assert (await rooms.find_external(**key)).id == made.id
    assert await rooms.find_external(**{**key, "account_id": new_id()}) is None
    assert await rooms.find_external(**{**key, "mode": "sandbox"}) is None


def test_somebody_elsewhere_always_has_the_same_id():
    assert person_id("focusmate", "1") == person_id("focusmate", "1") != person_id("flow-club", "1")


@given(
    states=st.lists(
        st.builds(
            ExternalRoom,
            name=st.sampled_from(["a", "b"]),
            max_participants=st.integers(1, 3),
            scheduled_end=st.none() | st.just(clock.now() + clock.DAY),
            participants=st.none()
            | st.sets(st.sampled_from(["p1", "p2", "p3"])).map(
                lambda ids: tuple(ExternalParticipant(one, joined_at=1) for one in sorted(ids))
            ),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_history_ends_in_the_last_state_and_counts_are_right(app, rooms, who, states):
    key = {**who, "external_id": new_id()}
    present = 0
    for state in states:
        view = await rooms.upsert_external(**key, room=state)
        present = present if state.participants is None else len(state.participants)
        assert view.current_participants == present
        assert (await rooms.upsert_external(**key, room=state)).changed == ()
    row = await app.house.database.fetch_one("SELECT * FROM rooms WHERE id = ?", view.id)
    assert row["name"] == states[-1].name
    assert row["max_participants"] >= present
    told = await app.house.database.fetch(
        "SELECT seq FROM events WHERE subject = ? ORDER BY seq", f"room:{view.id}"
    )
    assert [one["seq"] for one in told] == list(range(1, row["seq"] + 1))


@pytest.fixture
def alice():
    return Principal(new_id(), 1, new_id(), "admin", "live", "jti")


@pytest.fixture
def domain(app):
    (rooms,) = [plugin for plugin in app.opening.plugins.loaded if plugin.name == "rooms"]
    return rooms.ctx.once(RoomsDomain)


async def test_a_pull_applies_what_the_service_says(domain, alice):
    asked = []

    async def pull(request: Pull):
        asked.append(request)
        if request.external_id == "missing":
            raise NotFound("no such session")
        return ExternalRoom("Pulled", max_participants=5, participants=None)

    domain.integrations.add_source(RoomSource("acme", pull))
    with pytest.raises(ValueError, match="two plugins"):
        domain.integrations.add_source(RoomSource("acme", pull))
    room, _, _ = await domain.rooms.create(alice, CreateRoom(name="Linked"))
    await domain.integrations.configure(
        alice, room["id"], ConfigureIntegration(service_name="acme", api_key="s3cret")
    )
    sync = SyncRoom(external_room_id="s1", external_service_name="acme")
    first = await domain.integrations.sync(alice, room["id"], sync)
    assert (first.status, first.room["name"], first.room["external_service_id"]) == ("synced", "Pulled", "s1")
    assert {"name", "max_participants"} <= set(first.changed)
    assert asked[0] == Pull(alice.account_id, alice.user_id, "live", "s1", "s3cret")
    again = await domain.integrations.sync(alice, room["id"], sync)
    assert (again.status, again.changed) == ("unchanged", ())
    with pytest.raises(NotFound):
        await domain.integrations.sync(
            alice, room["id"], SyncRoom(external_room_id="missing", external_service_name="acme")
        )
    other, _, _ = await domain.rooms.create(alice, CreateRoom(name="Other"))
    with pytest.raises(Conflict):
        await domain.integrations.sync(alice, other["id"], sync)
