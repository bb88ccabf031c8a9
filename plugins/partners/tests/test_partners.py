"""Both directions of both shipped partners, and one of the operator's own."""

from __future__ import annotations

import json
import time
from importlib import resources
from pathlib import Path

import pytest
from plugins.partners.tests.conftest import ACCOUNT, OWNER, SECRET, Start, inbound_only, two_way

from rallypoint.domains.rooms.api import Pull
from rallypoint.errors import NotFound, PermanentFailure, RetryLater, Unauthorized, Unavailable
from rallypoint.sdk import Inbound
from rallypoint_partners.fake import PartnerFake, flow_webhook, study_webhook

SESSION = {
    "id": "f1",
    "title": "Deep flow",
    "start_time": "2099-01-02T10:00:00Z",
    "end_time": "2099-01-02T11:00:00Z",
    "capacity": 5,
}


async def test_nothing_is_configured_and_says_so(start: Start) -> None:
    world = await start()
    assert {one.direction for one in world.partners.by_name.values()} == {"not configured"}
    assert world.partners.health().reason == "flow-club: not configured; study-together: not configured"
    with pytest.raises(Unavailable):
        await world.deliver("flow-club", flow_webhook(SECRET, "session.created", SESSION, "d1"))


async def test_a_secret_without_an_owner_is_not_enough(start: Start) -> None:
    world = await start(FLOW_CLUB_WEBHOOK_SECRET=SECRET)
    assert world.partner("flow-club").direction == "not configured"
    health = world.partners.health()
    assert (health.state, health.reason) == ("degraded", "nobody owns the rooms of flow-club")
    with pytest.raises(RetryLater, match="OWNER_ID of flow-club"):
        await world.deliver("flow-club", flow_webhook(SECRET, "session.created", SESSION, "d1"))


async def test_without_an_api_it_is_inbound_only(start: Start) -> None:
    world = await start(**inbound_only("FLOW_CLUB"))
    assert world.partner("flow-club").direction == "inbound only"
    assert world.partners.health().facts["flow-club"] == "inbound only"
    assert world.partners.tasks() == []
    assert await world.partner("flow-club").pull(Pull(ACCOUNT, OWNER, "live", "f1")) is None


async def test_flow_clubs_session_becomes_a_room_and_follows_it(start: Start) -> None:
    world = await start(**inbound_only("FLOW_CLUB"))
    await world.deliver("flow-club", flow_webhook(SECRET, "session.created", SESSION, "d1"))
    room = await world.room()
    assert (room["name"], room["status"], room["max_participants"]) == ("Deep flow", "scheduled", 5)
    assert (room["external_service_name"], room["external_service_id"]) == ("flow-club", "f1")
    assert (room["account_id"], room["created_by"]) == (ACCOUNT, OWNER)
    await world.deliver("flow-club", flow_webhook(SECRET, "session.updated", SESSION, "d2"))
    renamed = {**SESSION, "title": "Deeper flow"}
    await world.deliver("flow-club", flow_webhook(SECRET, "session.updated", renamed, "d3"))
    await world.deliver("flow-club", flow_webhook(SECRET, "session.cancelled", renamed, "d4"))
    assert await world.events() == ["room.created", "room.updated", "room.ended"]


async def test_study_togethers_room_has_its_own_shape(start: Start) -> None:
    world = await start(**inbound_only("STUDY_TOGETHER"))
    theirs = {"id": 7, "name": "Library", "capacity": 30, "tags": ["maths", 3], "participants": ["u1"]}
    await world.deliver("study-together", study_webhook(SECRET, "room.opened", theirs, "d1"))
    room = await world.room()
    assert (room["external_service_id"], room["room_type"], bool(room["is_public"])) == ("7", "silent", True)
    assert json.loads(room["tags"]) == ["maths", "3"]
    assert await world.people() == ["u1"]
    gone = {**theirs, "participants": []}
    await world.deliver("study-together", study_webhook(SECRET, "room.changed", gone, "d2"))
    assert await world.people() == []
    closed = {**theirs, "status": "closed"}
    await world.deliver("study-together", study_webhook(SECRET, "room.changed", closed, "d3"))
    assert (await world.room())["status"] == "ended"


async def test_text_that_no_database_holds_is_mended(start: Start) -> None:
    world = await start(**inbound_only("FLOW_CLUB"))
    odd = {"id": "f1", "title": " a\x00b\ud800 "}
    await world.deliver("flow-club", flow_webhook(SECRET, "session.created", odd, "d1"))
    assert (await world.room())["name"] == "ab?"


async def test_what_is_not_genuine_is_refused(start: Start) -> None:
    world = await start(**inbound_only("FLOW_CLUB"))
    body, headers = flow_webhook(SECRET, "session.created", SESSION, "d1")
    old = flow_webhook(SECRET, "session.created", SESSION, "d1", at=time.time() - 3600)
    unsigned = {key: value for key, value in headers.items() if key != "X-Flow-Signature"}
    wrong = flow_webhook("another secret", "session.created", SESSION, "d1")
    for webhook in [(body + b" ", headers), (body, unsigned), wrong, old]:
        with pytest.raises(Unauthorized):
            await world.deliver("flow-club", webhook)
    assert await world.rooms() == []


@pytest.mark.parametrize(
    "session",
    [
        {},
        {"id": "f1"},
        {"id": "", "title": "x"},
        {"id": "f" * 300, "title": "x"},
        {"id": True, "title": "x"},
        {"id": "f1", "title": "x", "start_time": "soon"},
        {"id": "f1", "title": "x", "start_time": ["2099"]},
    ],
)
async def test_a_session_that_cannot_be_read_is_not_retried(start: Start, session: dict[str, object]) -> None:
    world = await start(**inbound_only("FLOW_CLUB"))
    with pytest.raises(PermanentFailure):
        await world.deliver("flow-club", flow_webhook(SECRET, "session.created", session, "d1"))


async def test_our_participant_is_told_once_and_its_echo_recognised(start: Start, fake: PartnerFake) -> None:
    world = await start(**two_way("FLOW_CLUB", f"{fake.url}/flow-club"))
    assert world.partner("flow-club").direction == "two-way"
    session = fake.add_flow("f1", participants=[{"id": "theirs", "joined_at": "2026-11-21T10:00:00Z"}])
    await world.deliver("flow-club", flow_webhook(SECRET, "session.created", session, "d1"))
    await world.join((await world.room())["id"])
    await world.hear_all()
    assert fake.added == [("f1", OWNER)]
    await world.deliver("flow-club", flow_webhook(SECRET, "session.updated", session, "d2"))
    assert await world.people() == ["theirs", None]
    await world.hear_all()
    assert fake.added == [("f1", OWNER)]


async def test_rooms_of_others_are_not_told(start: Start, fake: PartnerFake) -> None:
    world = await start(**two_way("STUDY_TOGETHER", f"{fake.url}/study-together"))
    world_rooms = [("sandbox", ACCOUNT), ("live", "0190a000-0000-7000-8000-0000000000ff")]
    fake.add_study("s1")
    await world.deliver("study-together", study_webhook(SECRET, "room.opened", fake.study["s1"], "d1"))
    await world.join((await world.room())["id"])
    for mode, account in world_rooms:
        async with world.house.database.transaction() as tx:
            await tx.execute("UPDATE events SET mode = ?, account_id = ?", mode, account)
        await world.hear_all()
    assert fake.added == []


async def test_a_partner_without_the_capability_is_not_told(start: Start, fake: PartnerFake) -> None:
    world = await start(**two_way("FLOW_CLUB", f"{fake.url}/flow-club"))
    await world.deliver("flow-club", flow_webhook(SECRET, "session.created", fake.add_flow("f1"), "d1"))
    room = (await world.room())["id"]
    await world.join(room)
    await world.hear_all()
    await world.join(room, leave=True)
    before = len(fake.requests)
    (left,) = await world.house.database.fetch("SELECT body FROM events WHERE type = 'participant.left'")
    await world.partner("flow-club").tell("participant.left", json.loads(left["body"])["data"])
    assert len(fake.requests) == before


@pytest.mark.parametrize(
    ("name", "variable"), [("flow-club", "FLOW_CLUB"), ("study-together", "STUDY_TOGETHER")]
)
async def test_the_list_is_read_to_its_end(start: Start, fake: PartnerFake, name: str, variable: str) -> None:
    world = await start(**two_way(variable, f"{fake.url}/{name}"))
    for number in range(5):
        fake.add_flow(f"x{number}")
        fake.add_study(f"x{number}")
    fake.flow["x1"]["title"] = fake.study["x1"]["name"] = None
    await world.partner(name).sync(None)
    assert [room["external_service_id"] for room in await world.rooms()] == ["x0", "x2", "x3", "x4"]
    before = await world.events()
    await world.partner(name).sync(None)
    assert await world.events() == before


async def test_one_session_is_pulled_for_its_account_alone(start: Start, fake: PartnerFake) -> None:
    world = await start(**two_way("STUDY_TOGETHER", f"{fake.url}/study-together"))
    fake.add_study("a/b")
    partner = world.partner("study-together")
    pulled = await partner.pull(Pull(ACCOUNT, OWNER, "live", "a/b"))
    assert pulled is not None
    assert (pulled.name, pulled.tags) == ("Library", ("maths",))
    assert await partner.pull(Pull("another account", OWNER, "live", "a/b")) is None
    assert await partner.pull(Pull(ACCOUNT, OWNER, "sandbox", "a/b")) is None
    own_key = await partner.pull(Pull("another account", OWNER, "live", "a/b", api_key="demo-key"))
    assert own_key == pulled
    with pytest.raises(NotFound):
        await partner.pull(Pull(ACCOUNT, OWNER, "live", "nothing"))


async def test_a_partner_of_the_operators_own(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "partners"
    folder.mkdir()
    (folder / "acme.toml").write_text(
        'name = "acme"\ntitle = "Acme"\ncapabilities = ["webhook-in"]\n'
        '[fields]\nid = "/key"\ntitle = "/names/0"\nstart = "/at"\ntime_format = "seconds"\n'
        '[webhook]\nheader = "X-Acme"\nencoding = "base64"\nalgorithm = "sha512"\nsession = ""\n'
    )
    access = {"acme": {"webhook_secret": SECRET, "account_id": ACCOUNT, "owner_id": OWNER}}
    world = await start(CONFIG_DIR=str(folder), ACCESS=json.dumps(access))
    assert world.partner("acme").direction == "inbound only"
    assert world.source("acme").path == "/api/v1/partners/acme/webhook"
    await world.partner("acme").receive(
        Inbound(b'{"key":"k","names":["First"],"at":4102444800.5}', {}, {}, "")
    )
    room = await world.room()
    assert (room["name"], room["scheduled_start"]) == ("First", 4102444800500)


@pytest.mark.parametrize(
    ("name", "variable"), [("flow-club", "FLOW_CLUB"), ("study-together", "STUDY_TOGETHER")]
)
async def test_samples_are_genuine(start: Start, name: str, variable: str) -> None:
    world = await start(**inbound_only(variable))
    make = world.source(name).sample
    assert make is not None
    inbound = make()
    assert world.source(name).delivery_id(inbound) == "sample"
    await world.deliver(name, (inbound.body, dict(inbound.headers)))
    assert (await world.room())["name"] == "Sample session"


async def test_somebody_who_leaves_is_told_where_the_partner_can_hear_it(
    start: Start, fake: PartnerFake, tmp_path: Path
) -> None:
    shipped = resources.files("rallypoint_partners") / "shipped" / "flow-club.toml"
    text = shipped.read_text().replace('"add-participant"]', '"add-participant", "remove-participant"]')
    path = 'remove_participant = "/sessions/{id}/participants/{user_id}"'
    (tmp_path / "flow-club.toml").write_text(text.replace("rate_limit", f"{path}\nrate_limit"))
    world = await start(CONFIG_DIR=str(tmp_path), **two_way("FLOW_CLUB", f"{fake.url}/flow-club"))
    await world.deliver("flow-club", flow_webhook(SECRET, "session.created", fake.add_flow("f1"), "d1"))
    room = (await world.room())["id"]
    await world.join(room)
    await world.join(room, leave=True)
    fake.fail(200, path=f"/flow-club/sessions/f1/participants/{OWNER}")
    await world.hear_all()
    assert [(one.method, one.path) for one in fake.requests][-2:] == [
        ("POST", "/flow-club/sessions/f1/participants"),
        ("DELETE", f"/flow-club/sessions/f1/participants/{OWNER}"),
    ]
    theirs = {"id": OWNER, "joined_at": "2026-11-21T10:00:00Z"}
    session = fake.add_flow("f1", participants=[theirs])
    await world.deliver("flow-club", flow_webhook(SECRET, "session.updated", session, "d2"))
    assert await world.people() == [OWNER]


@pytest.mark.parametrize("body", [b"no", b"[]", b"null", b'{"data":{"session":"f1"}}'])
async def test_a_body_without_a_session_is_not_retried(start: Start, body: bytes) -> None:
    world = await start(**inbound_only("FLOW_CLUB"))
    with pytest.raises(PermanentFailure):
        await world.partner("flow-club").receive(Inbound(body, {}, {}, ""))


async def test_a_list_that_cannot_be_read_is_for_later(start: Start, fake: PartnerFake) -> None:
    world = await start(**two_way("FLOW_CLUB", f"{fake.url}/flow-club"))
    fake.fail(200, body='{"sessions":"none"}', times=9)
    with pytest.raises(RetryLater, match="list"):
        await world.partner("flow-club").sync(None)


async def test_a_refusal_of_our_participant_is_reported(start: Start, fake: PartnerFake) -> None:
    world = await start(**two_way("FLOW_CLUB", f"{fake.url}/flow-club"))
    await world.deliver("flow-club", flow_webhook(SECRET, "session.created", fake.add_flow("f1"), "d1"))
    await world.join((await world.room())["id"])
    fake.fail(422, times=9)
    with pytest.raises(PermanentFailure, match="422"):
        await world.hear_all()
