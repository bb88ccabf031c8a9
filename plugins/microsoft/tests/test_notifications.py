"""What Microsoft announces: proved, repeated, late, forged, of subscriptions that ended, and about themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plugins.microsoft.tests.conftest import NOON, User, World, ms
from plugins.microsoft.tests.test_sync import VIEW, event, here

from rallypoint.testing.waiting import eventually

PATH = "/integrations/microsoft/notifications"


async def receipts(world: World) -> int:
    await world.microsoft.subscriptions.settle()
    found = await world.rows("SELECT id FROM webhook_receipts WHERE provider = 'outlook_calendar'")
    return len(found)


@pytest.fixture
async def listening(world: World, connected: User) -> User:
    """Mia, synced both ways, with a subscription and nothing to do."""
    await connected.two_way()
    await world.quiet()
    return connected


def subscription(world: World) -> Any:
    (one,) = world.microsoft.subscriptions.open.values()
    return one


async def test_the_handshake(world: World) -> None:
    token = "Validation: <script>alert(1)</script> & more ü"
    async with world.session.post(world.url + PATH, params={"validationToken": token}) as reply:
        assert (reply.status, reply.content_type, await reply.text()) == (200, "text/plain", token)
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
    for wrong in ({"validationToken": ""}, {"validationToken": "x" * 4001}, {}):
        async with world.session.post(world.url + PATH, params=wrong) as reply:
            assert reply.status == 401
    async with world.session.post(
        world.url + PATH, params={"validationToken": "x"}, json={"value": []}
    ) as reply:
        assert reply.status == 401, "a token opens the door for nothing else"


async def test_a_change_is_announced_and_looked_at(world: World, listening: User) -> None:
    world.microsoft.calendar().insert(event())
    await here(listening, 1)
    assert set(world.microsoft.subscriptions.answers) == {202}


async def test_repeated_announcements_are_kept_once(world: World, listening: User) -> None:
    before = await receipts(world)
    made = world.microsoft.calendar().insert(event())
    world.microsoft.subscriptions.send(
        subscription(world),
        3,
        changeType="updated",
        resource="Users/x/Events/y",
        resourceData={"id": made["id"], "@odata.etag": "W/1"},
    )
    assert await receipts(world) == before + 2
    await here(listening, 1)


@pytest.mark.parametrize("state", ["", "x", "é" * 101, None, 7, "0" * 36 + "." + "0" * 64])
async def test_a_wrong_client_state_moves_nobody(world: World, listening: User, state: Any) -> None:
    before, looked = await receipts(world), len(world.microsoft.received("GET", VIEW))
    world.microsoft.subscriptions.answers.clear()
    world.microsoft.subscriptions.send(subscription(world), clientState=state)
    assert await receipts(world) == before
    assert world.microsoft.subscriptions.answers == [401]
    assert len(world.microsoft.received("GET", VIEW)) == looked


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"value": {}}', '{"value": []}', '{"value": [1]}', "\xff", "[" * 100_000]
)
async def test_bodies_that_are_none(world: World, body: str) -> None:
    async with world.session.post(world.url + PATH, data=body.encode("latin-1")) as reply:
        assert reply.status == 401


async def test_in_a_batch_only_what_is_proved_counts(world: World, listening: User) -> None:
    one = subscription(world)
    genuine = {"subscriptionId": one.id, "clientState": one.body["clientState"], "changeType": "updated"}
    forged = {**genuine, "clientState": "x.y", "lifecycleEvent": "subscriptionRemoved"}
    looked = len(world.microsoft.received("GET", VIEW))
    body = json.dumps({"value": [forged, genuine]})
    async with world.session.post(world.url + PATH, data=body) as reply:
        assert reply.status == 202

    async def looks() -> int:
        return len(world.microsoft.received("GET", VIEW))

    await eventually(looks, lambda count: count > looked)
    await world.quiet()
    assert list(world.microsoft.subscriptions.open) == [one.id]


async def test_a_subscription_that_we_ended_moves_nobody(world: World, listening: User) -> None:
    one = subscription(world)
    await listening.ok("DELETE", "/integrations/microsoft/disconnect")
    assert not world.microsoft.subscriptions.open
    looked = len(world.microsoft.received("GET", VIEW))
    world.microsoft.subscriptions.send(one, changeType="updated")
    await world.microsoft.subscriptions.settle()

    async def pending() -> Any:
        return await world.rows("SELECT id FROM webhook_receipts WHERE state = 'pending'")

    await eventually(pending, lambda rows: not rows)
    assert len(world.microsoft.received("GET", VIEW)) == looked


async def test_microsoft_asks_for_a_sign_in_and_is_given_a_renewal(world: World, listening: User) -> None:
    one = subscription(world)
    world.microsoft.subscriptions.lifecycle(one, "reauthorizationRequired")

    async def renewed() -> Any:
        return world.microsoft.received("PATCH", f"/v1.0/subscriptions/{one.id}")

    await eventually(renewed)
    await world.quiet()
    assert subscription(world).id == one.id
    assert subscription(world).ends > one.ends


async def test_a_subscription_that_microsoft_removed_is_replaced_and_nothing_is_missed(
    world: World, listening: User
) -> None:
    one = subscription(world)
    world.microsoft.subscriptions.muted = True
    world.microsoft.calendar().insert(event())
    world.microsoft.subscriptions.muted = False
    world.microsoft.subscriptions.lifecycle(one, "subscriptionRemoved")
    await here(listening, 1)

    async def stands() -> Any:
        return list(world.microsoft.subscriptions.open)

    assert await eventually(stands) != [one.id]
    await world.quiet()
    world.microsoft.calendar().insert(event("Later", NOON + timedelta(hours=2)))
    await here(listening, 2)


async def test_missed_announcements_are_looked_after(world: World, listening: User) -> None:
    world.microsoft.subscriptions.muted = True
    world.microsoft.calendar().insert(event())
    world.microsoft.subscriptions.muted = False
    world.microsoft.subscriptions.lifecycle(subscription(world), "missed")
    await here(listening, 1)


async def test_a_subscription_is_prolonged_before_it_ends(world: World, listening: User) -> None:
    one = subscription(world)
    async with world.app.house.database.transaction() as tx:
        soon = ms(datetime.now(UTC)) + 60_000
        await tx.execute(
            "UPDATE booking_calendar_channels SET expires_at = ?, created_at = ?", soon, soon - 3_600_000
        )
        await tx.execute("UPDATE booking_calendar_cursors SET watch_at = 1")

    async def renewed() -> Any:
        return world.microsoft.received("PATCH", f"/v1.0/subscriptions/{one.id}")

    await eventually(renewed, seconds=30)
    await world.quiet()
    assert subscription(world).id == one.id
