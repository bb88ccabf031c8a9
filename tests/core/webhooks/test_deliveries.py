"""Order, retries, probes, switching off, rotation, removal."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from aiohttp import web
from standardwebhooks import Webhook

from rallypoint.storage.database import Database
from support.delivery_house import House, Receiver, eventually, open_house


async def state_of(house: House, target_id: str) -> tuple[str, str]:
    row = await house.database.fetch_one("SELECT state, reason FROM webhook_targets WHERE id = ?", target_id)
    assert row is not None
    return row["state"], row["reason"]


async def test_a_lane_keeps_its_order(house: House, receiver: Receiver) -> None:
    await house.target("room:1", receiver.url("/one"))
    await house.target("account:acc", receiver.url("/all"))
    for _ in range(60):
        await house.happen("room:1")
        await house.happen("room:2")
    await eventually(lambda: len(receiver.got) == 180)
    assert [got.json["n"] for got in receiver.on("/one")] == list(range(1, 61))
    rooms: dict[str, list[int]] = {"a": [], "b": []}
    for got in receiver.on("/all"):
        lane = "a" if got.id in {one.id for one in receiver.on("/one")} else "b"
        rooms[lane].append(got.json["n"])
    assert rooms == {"a": list(range(1, 61)), "b": list(range(1, 61))}


async def test_a_failed_head_is_retried_with_the_same_id_and_holds_its_lane(
    house: House, receiver: Receiver
) -> None:
    receiver.answer("/hook", [500, 503, 200])
    target = await house.target("room:1", receiver.url("/hook"))
    first, second = await house.happen("room:1"), await house.happen("room:1")
    await eventually(lambda: len(receiver.got) == 4)
    assert [got.id for got in receiver.got] == [first.id, first.id, first.id, second.id]
    for got in receiver.got:
        Webhook(target.secret).verify(got.body, got.headers)
    await eventually(lambda: house.states_are("delivered", "delivered"))
    rows = await house.database.fetch("SELECT status, reply FROM webhook_attempts ORDER BY id")
    assert [row["status"] for row in rows] == [500, 503, 200, 200]
    assert bytes(rows[0]["reply"]) == b"status 500"
    row = await house.database.fetch_one("SELECT failing_since FROM webhook_targets")
    assert row is not None
    assert row["failing_since"] is None


async def test_an_exhausted_head_is_failed_and_the_lane_goes_on(house: House, receiver: Receiver) -> None:
    receiver.answer("/hook", [500, 500, 500, 500, 200])
    await house.target("room:1", receiver.url("/hook"))
    await house.happen("room:1")
    await house.happen("room:1")
    await eventually(lambda: house.states_are("failed", "delivered"))
    assert [got.json["n"] for got in receiver.got] == [1, 1, 1, 1, 2]


async def test_retry_after_is_honoured_within_bounds(database: Database, receiver: Receiver) -> None:
    async with open_house(database, webhook_retry_max=0.5) as house:
        receiver.answer("/hook", [429, 200], Retry_After="3600")
        await house.target("room:1", receiver.url("/hook"))
        await house.happen("room:1")
        await eventually(lambda: len(receiver.got) == 2)
        assert 0.45 < receiver.got[1].at - receiver.got[0].at < 3


async def test_gone_switches_the_target_off_and_tells_its_owner(house: House, receiver: Receiver) -> None:
    receiver.answer("/hook", [410])
    target = await house.target("room:1", receiver.url("/hook"), owner_id="alice")
    await house.happen("room:1")
    await house.happen("room:1")
    await eventually(lambda: any(m.event == "webhook.disabled" for m in house.hub.messages))
    assert await state_of(house, target.id) == ("disabled", "gone")
    assert await house.states() == ["failed", "canceled"]
    [told] = [message for message in house.hub.messages if message.event == "webhook.disabled"]
    assert told.topic == "user:alice"
    assert told.payload == {"webhook_id": target.id, "subject": "room:1", "reason": "gone"}
    await house.happen("room:1")
    await asyncio.sleep(0.1)
    assert len(receiver.got) == 1


async def test_failing_for_too_long_switches_the_target_off(database: Database, receiver: Receiver) -> None:
    async with open_house(database, webhook_disable_after=0.01) as house:
        receiver.answer("/hook", [500])
        target = await house.target("room:1", receiver.url("/hook"))
        await house.happen("room:1")
        await house.happen("room:1")
        await eventually(lambda: house.states_are("failed", "canceled"))
        assert await state_of(house, target.id) == ("disabled", "failing")


async def test_a_new_url_switches_it_on_again(house: House, receiver: Receiver) -> None:
    receiver.answer("/gone", [410])
    target = await house.target("room:1", receiver.url("/gone"))
    await house.happen("room:1")
    await eventually(lambda: house.states_are("failed"))
    async with house.database.transaction() as tx:
        await house.targets.change_url(tx, target.id, receiver.url("/new"))
    await house.happen("room:1")
    await eventually(lambda: len(receiver.on("/new")) == 1)


async def test_a_failing_target_gets_one_probe_at_a_time(house: House, receiver: Receiver) -> None:
    at_once, most, healed = 0, 0, False

    async def slowly(_request: web.Request) -> web.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return web.Response(status=200 if healed else 500)

    receiver.answers["/hook"] = slowly
    await house.target("account:acc", receiver.url("/hook"))
    await house.happen("room:0")
    await eventually(lambda: len(receiver.got) >= 1)
    await asyncio.sleep(0.05)
    for number in range(1, 12):
        await house.happen(f"room:{number}")
    await eventually(lambda: len(receiver.got) >= 8)
    assert most == 1
    healed = True
    await eventually(house.none_pending)
    for number in range(12):
        await house.happen(f"room:{number}")
    await eventually(lambda: most > 1)


async def test_while_a_secret_is_rotated_both_sign(house: House, receiver: Receiver) -> None:
    target = await house.target("room:1", receiver.url("/hook"))
    async with house.database.transaction() as tx:
        secret = await house.targets.rotate(tx, target.id)
    await house.happen("room:1")
    await eventually(lambda: len(receiver.got) == 1)
    [got] = receiver.got
    Webhook(secret).verify(got.body, got.headers)
    Webhook(target.secret).verify(got.body, got.headers)
    async with house.database.transaction() as tx:
        await tx.execute("UPDATE webhook_targets SET previous_until = 1")
    await house.happen("room:1")
    await eventually(lambda: len(receiver.got) == 2)
    assert len(receiver.got[1].headers["webhook-signature"].split(" ")) == 1


async def test_a_removed_target_hears_nothing_more(house: House, receiver: Receiver) -> None:
    receiver.answer("/hook", [500])
    target = await house.target("room:1", receiver.url("/hook"))
    await house.happen("room:1")
    await eventually(lambda: len(receiver.got) >= 1)
    async with house.database.transaction() as tx:
        await house.targets.remove(tx, target.id)
    await asyncio.sleep(0.1)
    heard = len(receiver.got)
    await house.happen("room:1")
    await asyncio.sleep(0.4)
    assert len(receiver.got) == heard
    assert await house.database.fetch("SELECT * FROM webhook_lanes") == []


async def test_only_wanted_events_of_the_same_mode_arrive(house: House, receiver: Receiver) -> None:
    await house.target("account:acc", receiver.url("/some"), events=["other.event"])
    await house.target("account:acc", receiver.url("/sandbox"), mode="sandbox")
    await house.target("account:other", receiver.url("/other"))
    await house.target("room:1", receiver.url("/all"))
    await house.happen("room:1", type="thing.whispered")
    await house.happen("room:1")
    await eventually(lambda: len(receiver.got) == 1)
    await asyncio.sleep(0.1)
    assert [got.path for got in receiver.got] == ["/all"]


async def test_a_kind_of_target_may_render_its_own_body(database: Database, receiver: Receiver) -> None:
    async with open_house(database) as house:
        house.renderers["shout"] = lambda event: event.type.upper().encode()
        await house.target("room:1", receiver.url("/hook"), kind="shout")
        await house.happen("room:1")
        await eventually(lambda: len(receiver.got) == 1)
        assert receiver.got[0].body == b"THING.HAPPENED"


async def test_backoff_doubles(house: House, receiver: Receiver) -> None:
    receiver.answer("/hook", [500])
    await house.target("room:1", receiver.url("/hook"))
    await house.happen("room:1")
    await eventually(lambda: house.states_are("failed"))
    rows = await house.database.fetch("SELECT at FROM webhook_attempts ORDER BY id")
    gaps = [after["at"] - before["at"] for before, after in pairwise(rows)]
    assert len(gaps) == 3
    assert gaps[0] >= 39
    assert gaps[1] >= 79
    assert gaps[2] >= 159


async def test_more_than_is_read_at_once(house: House, receiver: Receiver) -> None:
    await house.target("room:1", receiver.url("/hook"))
    async with house.database.transaction() as tx:
        for _ in range(150):
            await house.outbox.add(tx, house.draft("room:1"))
    await eventually(house.none_pending)
    assert [got.json["n"] for got in receiver.got] == list(range(1, 151))


async def test_lanes_of_a_target_that_vanished_are_given_up(house: House, receiver: Receiver) -> None:
    receiver.answer("/hook", [500])
    target = await house.target("room:1", receiver.url("/hook"))
    await house.happen("room:1")
    await eventually(lambda: len(receiver.got) >= 1)
    async with house.database.transaction() as tx:
        await tx.execute("DELETE FROM webhook_targets WHERE id = ?", target.id)
    await eventually(lambda: house.states_are("canceled"))
