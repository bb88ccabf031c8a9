"""Targets that plugins look after: their headers, who they wait for, and how they end at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.plugins.contributions import TargetInfo, TargetKind
from rallypoint.webhooks import extras
from rallypoint.webhooks.kinds import Kinds, hide
from support.delivery_house import House, Receiver, eventually

KIND = "acme.hook"
KEY = "acme_0123456789"


class Acme:
    """A plugin with keys by target; ``failure`` is raised instead of an answer."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.without: set[str] = set()
        self.failure: Exception | None = None
        self.wait = asyncio.Event()
        self.wait.set()

    async def headers(self, targets: Sequence[TargetInfo]) -> Mapping[str, Mapping[str, str]]:
        self.asked.append(sorted(target.id for target in targets))
        await self.wait.wait()
        if self.failure is not None:
            raise self.failure
        return {target.id: {"X-Acme-Key": KEY} for target in targets if target.id not in self.without}


@pytest.fixture
def acme(house: House) -> Acme:
    plugin = Acme()
    house.deliveries.kinds.declare(TargetKind(KIND, plugin.headers))
    return plugin


async def kept(house: House) -> str:
    tables = ("webhook_attempts", "webhook_deliveries", "webhook_lanes", "webhook_targets", "events")
    rows = [row for table in tables for row in await house.database.fetch(f"SELECT * FROM {table}")]
    return repr(
        [{k: bytes(v) if isinstance(v, memoryview) else v for k, v in dict(row).items()} for row in rows]
    )


async def test_its_headers_go_with_every_delivery_and_are_kept_nowhere(
    house: House, receiver: Receiver, acme: Acme
) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{dict(request.headers)}")

    receiver.answers["/hook"] = echo
    await house.target("room:1", receiver.url("/hook"), kind=KIND)
    await house.target("room:1", receiver.url("/plain"))
    for _ in range(3):
        await house.happen("room:1")
    await eventually(house.none_pending)
    assert [got.headers["x-acme-key"] for got in receiver.on("/hook")] == [KEY] * 3
    assert all("x-webhook-signature" in got.headers for got in receiver.on("/hook"))
    assert [got.headers.get("x-acme-key") for got in receiver.on("/plain")] == [None] * 3
    assert KEY not in await kept(house)
    assert "[hidden]" in await kept(house)


async def test_many_targets_are_asked_for_at_once(house: House, receiver: Receiver, acme: Acme) -> None:
    for number in range(40):
        await house.target("room:1", receiver.url(f"/hook/{number}"), kind=KIND)
    await house.happen("room:1")
    await eventually(house.none_pending)
    assert len(receiver.got) == 40
    assert sum(map(len, acme.asked)) == 40
    assert len(acme.asked) <= 16  # one for each shard at most


async def test_a_plugin_that_takes_its_time_holds_up_nobody_else(
    house: House, receiver: Receiver, acme: Acme
) -> None:
    acme.wait.clear()
    await house.target("room:1", receiver.url("/hook"), kind=KIND)
    await house.target("room:1", receiver.url("/plain"))
    await house.happen("room:1")
    await eventually(lambda: len(receiver.on("/plain")) == 1)
    assert receiver.on("/hook") == []
    acme.wait.set()
    await eventually(lambda: len(receiver.on("/hook")) == 1)


async def test_what_a_failing_plugin_adds_is_waited_for_without_an_attempt(
    house: House, receiver: Receiver, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (extras, __import__("rallypoint.webhooks.drain", fromlist=["drain"])):
        monkeypatch.setattr(module, "PARK_SECONDS", 0.3)
    acme.failure = RuntimeError("no database")
    await house.target("room:1", receiver.url("/hook"), kind=KIND)
    await house.target("room:1", receiver.url("/plain"))
    await house.happen("room:1")
    await eventually(lambda: len(acme.asked) >= 2)
    assert receiver.on("/hook") == []
    acme.failure = None
    await eventually(lambda: len(receiver.on("/hook")) == 1)
    await eventually(house.none_pending)
    assert [row["attempts"] for row in await house.database.fetch("SELECT * FROM webhook_deliveries")] == [
        1,
        1,
    ]


async def test_without_its_plugin_nothing_is_sent(house: House, receiver: Receiver) -> None:
    await house.target("room:1", receiver.url("/hook"), kind=KIND)
    await house.target("room:1", receiver.url("/plain"))
    await house.happen("room:1")
    await eventually(lambda: len(receiver.on("/plain")) == 1)
    await house.deliveries.idle()
    assert receiver.on("/hook") == []
    assert sorted(await house.states()) == ["delivered", "pending"]


async def test_a_target_that_its_plugin_does_not_know_is_switched_off(
    house: House, receiver: Receiver, acme: Acme
) -> None:
    target = await house.target("room:1", receiver.url("/hook"), kind=KIND)
    acme.without.add(target.id)
    await house.happen("room:1")
    await eventually(house.none_pending)
    assert receiver.got == []
    (row,) = await house.database.fetch("SELECT state, reason FROM webhook_targets")
    assert (row["state"], row["reason"]) == ("disabled", "gone")
    assert [message.event for message in house.hub.messages][-1] == "webhook.disabled"


async def test_a_removed_target_gets_nothing_more_though_much_is_queued(
    house: House, receiver: Receiver, acme: Acme
) -> None:
    gate = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    receiver.answers["/hook"] = slow
    target = await house.target("account:acc", receiver.url("/hook"), kind=KIND)
    for number in range(60):
        await house.happen(f"room:{number}")
    await eventually(lambda: len(receiver.got) == 20)  # as many lanes as are sent at the same time
    async with house.database.transaction() as tx:
        await house.targets.remove(tx, target.id)
    gate.set()
    await eventually(house.none_pending)
    await asyncio.sleep(0.3)
    assert len(receiver.got) == 20


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"webhook-id": "1"},
        {"X-Webhook-Signature": "1"},
        {"Host": "elsewhere"},
        {"X Acme": "1"},
        {"X-Acme": "one\r\nX-Other: two"},
        {"X-Acme": "é"},
        {"X-Acme": "1" * 5000},
        {f"X-Acme-{number}": "1" for number in range(30)},
    ],
)
async def test_headers_that_a_plugin_may_not_set(headers: dict[str, str]) -> None:
    async def answer(_targets: Any) -> Any:
        return {"t": headers}

    kinds = Kinds()
    kinds.declare(TargetKind(KIND, answer))
    with pytest.raises(ValueError, match="header"):
        await kinds.headers(KIND, [TargetInfo("t", "https://example.com")])


def test_a_kind_has_one_plugin() -> None:
    kinds = Kinds()
    kinds.declare(TargetKind(KIND, Acme.headers))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="declared already"):
        kinds.declare(TargetKind(KIND, Acme.headers))  # type: ignore[arg-type]


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(min_value=0, max_value=200))
def test_no_reply_keeps_a_value_that_was_sent(before: bytes, after: bytes, cut: int) -> None:
    reply = hide((before + KEY.encode() + after)[:cut], [KEY])
    assert KEY[:6].encode() not in reply.replace(b"[hidden]", b"") or KEY[:6].encode() in before + after
