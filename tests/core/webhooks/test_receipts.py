"""Inbound webhooks: verified, kept once, handled until it goes well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from rallypoint.errors import ApiError, BadRequest, NotFound, PermanentFailure, RetryLater, Unauthorized
from rallypoint.jobs import backoff
from rallypoint.plugins.contributions import Inbound, WebhookSource
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from rallypoint.web.routing import Access, Call, Reply
from rallypoint.webhooks.receipts import MAX_ATTEMPTS, Anything, Receipts
from rallypoint.webhooks.verifiers import token_verifier
from support.delivery_house import House, eventually


class Provider:
    """A source whose handler keeps what it gets and raises what it is told to."""

    def __init__(self) -> None:
        self.handled: list[Inbound] = []
        self.raises: list[Exception] = []
        self.source = WebhookSource(
            "acme",
            "/acme/webhook",
            token_verifier("x-token", "right"),
            delivery_id=lambda inbound: inbound.headers["x-id"],
            handle=self.handle,
            answer=lambda inbound: Reply({"challenge": 1}) if inbound.query.get("hello") else None,
        )

    async def handle(self, inbound: Inbound) -> None:
        self.handled.append(inbound)
        if self.raises:
            raise self.raises.pop(0)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.01)
    return Provider()


@pytest_asyncio.fixture
async def house(database: Database) -> AsyncIterator[House]:
    house = House(database, public_url="https://here.example/")
    house.receipts = Receipts(database, house.jobs, house.leases, house.settings)
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


async def post(house: House, provider: Provider, body: bytes = b"{}", **more: str) -> Reply:
    sources = house.receipts._sources
    route = house.receipts.receipt_route(provider.source) if not sources else house.route
    house.route = route
    headers = {"x-token": "right", "x-id": "1", "authorization": "Bearer secret"}
    query = {name: value for name, value in more.items() if "-" not in name}
    headers |= {name: value for name, value in more.items() if "-" in name}
    return await route.handler(Call(None, "1.2.3.4", headers, body, "r"), query=Anything(**query))


async def rows(house: House) -> list[dict[str, object]]:
    found = await house.database.fetch("SELECT * FROM webhook_receipts ORDER BY id")
    return [dict(row) for row in found]


async def states(house: House, *expected: str) -> bool:
    return [row["state"] for row in await rows(house)] == list(expected)


async def test_a_webhook_is_answered_kept_and_handled(house: House, provider: Provider) -> None:
    reply = await post(house, provider, b"\xff raw", a="1")
    assert reply == Reply({"received": True})
    await eventually(lambda: states(house, "handled"))
    [inbound] = provider.handled
    assert inbound.body == b"\xff raw"
    assert inbound.headers == {"x-token": "right", "x-id": "1"}
    assert inbound.query == {"a": "1"}
    assert inbound.url == "https://here.example/acme/webhook?a=1"


async def test_the_route_is_public_and_of_the_source(house: House, provider: Provider) -> None:
    route = house.receipts.receipt_route(provider.source)
    assert (route.method, route.path, route.access) == ("POST", "/acme/webhook", Access.PUBLIC)
    with pytest.raises(ValueError, match="acme"):
        house.receipts.receipt_route(provider.source)


async def test_a_repeated_delivery_is_answered_and_dropped(house: House, provider: Provider) -> None:
    for _ in range(3):
        assert (await post(house, provider)).status == 200
    await eventually(lambda: states(house, "handled"))
    await post(house, provider)
    await post(house, provider, **{"x-id": "2"})
    await eventually(lambda: states(house, "handled", "handled"))
    assert len(provider.handled) == 2


async def test_nothing_unverified_is_kept(house: House, provider: Provider) -> None:
    with pytest.raises(Unauthorized):
        await post(house, provider, **{"x-token": "wrong"})
    assert await rows(house) == []


async def test_a_handshake_is_answered_at_once_but_verified(house: House, provider: Provider) -> None:
    assert await post(house, provider, hello="1") == Reply({"challenge": 1})
    with pytest.raises(ApiError):
        await post(house, provider, hello="1", **{"x-token": "wrong"})
    assert await rows(house) == []


@pytest.mark.parametrize("delivery_id", ["", "x" * 201])
async def test_a_bad_delivery_id_is_a_bad_request(house: House, provider: Provider, delivery_id: str) -> None:
    with pytest.raises(BadRequest):
        await post(house, provider, **{"x-id": delivery_id})


async def test_a_missing_delivery_id_is_a_bad_request(house: House, provider: Provider) -> None:
    provider.source = replace(provider.source, delivery_id=lambda inbound: inbound.headers["x-other"])
    with pytest.raises(BadRequest):
        await post(house, provider)


async def test_a_failed_handler_is_run_again_from_the_receipt(house: House, provider: Provider) -> None:
    provider.raises = [RuntimeError("bug"), RetryLater(after=0.02)]
    await post(house, provider, b"body")
    await eventually(lambda: states(house, "handled"))
    assert [inbound.body for inbound in provider.handled] == [b"body"] * 3
    [row] = await rows(house)
    assert (row["attempts"], row["error"], row["next_at"]) == (3, "", None)


async def test_a_permanent_failure_is_kept_and_can_be_replayed(house: House, provider: Provider) -> None:
    provider.raises = [PermanentFailure("unknown customer")]
    await post(house, provider)
    await eventually(lambda: states(house, "failed"))
    [row] = await rows(house)
    assert row["error"] == "PermanentFailure: unknown customer"
    await house.receipts.replay(str(row["id"]))
    await eventually(lambda: states(house, "handled"))
    assert len(provider.handled) == 2
    with pytest.raises(NotFound):
        await house.receipts.replay("unknown")


async def test_bugs_are_given_up_in_the_end(house: House, provider: Provider) -> None:
    provider.raises = [PermanentFailure("first")]
    await post(house, provider)
    await eventually(lambda: states(house, "failed"))
    provider.raises = [RuntimeError("last straw")]
    async with house.database.transaction() as tx:
        await tx.execute(
            "UPDATE webhook_receipts SET state = 'pending', next_at = 1, attempts = ?", MAX_ATTEMPTS - 1
        )
    house.jobs.wake("webhooks.receive.acme")
    await eventually(lambda: len(provider.handled) == 2)
    await eventually(lambda: states(house, "failed"))


async def test_receipts_of_an_absent_provider_wait(house: House, provider: Provider) -> None:
    await post(house, provider)
    await eventually(lambda: states(house, "handled"))
    async with house.database.transaction() as tx:
        await tx.execute("UPDATE webhook_receipts SET provider = 'gone', state = 'pending', next_at = 1")
    await house.receipts.run("gone")
    assert await states(house, "pending")


async def test_one_process_handles_a_provider_at_a_time(house: House, provider: Provider) -> None:
    other = Leases(house.database)
    held = await other.acquire("webhooks.receive.acme", 30)
    assert held is not None
    await post(house, provider)
    assert await states(house, "pending")
    assert await other.release(held)  # told that there is work that it has not seen
    house.jobs.wake("webhooks.receive.acme")
    await eventually(lambda: states(house, "handled"))
