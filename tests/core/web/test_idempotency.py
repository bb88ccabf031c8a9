from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from rallypoint.errors import Conflict, NotFound
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.web.idempotency import LOCK, Idempotency
from rallypoint.web.routing import Call, Reply

from .asgi import BEARER, Got, ask
from .conftest import USER, House, Reverse

ITEMS = "/api/v1/rooms/items"
OPERATOR = {"authorization": "Bearer operator-token"}


async def make(house: House, name: str, key: str = "k", *, path: str = ITEMS, who: Any = BEARER) -> Got:
    return await ask(
        house.web.asgi, "POST", path, json={"name": name}, headers={**who, "Idempotency-Key": key}
    )


def call(key: str = "k", raw: bytes = b"{}") -> Call:
    return Call(USER, "", {"idempotency-key": key}, raw, "")


async def rows(database: Database) -> list[Any]:
    return list(await database.fetch("SELECT * FROM idempotent_replies"))


async def test_the_same_request_gets_the_first_reply(house: House) -> None:
    first, second = await make(house, "a"), await make(house, "a")
    assert (first.status, second.status, house.made) == (201, 201, ["a"])
    assert first.body == second.body
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["content-type"] == "application/json"


async def test_another_body_is_a_conflict(house: House) -> None:
    await make(house, "a")
    got = await make(house, "b")
    assert (got.status, got.json()["error"]["code"], house.made) == (409, "CONFLICT", ["a"])


async def test_the_scope_is_caller_path_and_key(house: House) -> None:
    await make(house, "a")
    await make(house, "a", "other")
    await make(house, "a", path="/integrations/items")
    await make(house, "a", who=OPERATOR)
    assert len(house.made) == 4


async def test_a_key_has_a_limit(house: House) -> None:
    assert (await make(house, "a", "k" * 255)).status == 201
    for key in ("", "k" * 256, "\x7f"):
        got = await make(house, "a", key)
        assert (got.status, list(got.json()["error"]["details"])) == (400, ["Idempotency-Key"])


async def test_a_refused_request_may_be_sent_again_with_its_key(house: House) -> None:
    assert (await make(house, "taken")).json()["error"]["details"] == {"name": "taken"}
    assert (await make(house, "other")).status == 201


async def test_a_second_one_is_told_that_the_first_still_runs(database: Database) -> None:
    idempotency = Idempotency(database, Reverse())
    second: list[Conflict] = []

    async def handler() -> Reply:
        return Reply({"data": 1})

    async def meanwhile(*_: Any) -> Reply:
        # Within the first one's transaction SQLite has a single writer: ask before it begins.
        with pytest.raises(Conflict) as caught:
            await idempotency.once(call(), "POST", "/x", handler)
        second.append(caught.value)
        return await run(*_)

    run, idempotency._run = idempotency._run, meanwhile  # type: ignore[method-assign]
    first = await idempotency.once(call(), "POST", "/x", handler)
    assert (first.status, [error.code for error in second]) == (200, ["IN_PROGRESS"])


async def test_simultaneous_requests_run_the_handler_once(house: House) -> None:
    got = await asyncio.gather(*(make(house, "a") for _ in range(10)))
    assert house.made == ["a"]
    assert {each.status for each in got} <= {201, 409}
    assert {each.json()["error"]["code"] for each in got if each.status == 409} <= {"IN_PROGRESS"}


async def order(house: House, name: str, key: str | None = "k") -> Got:
    headers = BEARER if key is None else {**BEARER, "Idempotency-Key": key}
    return await ask(house.web.asgi, "POST", "/api/v1/rooms/orders", json={"name": name}, headers=headers)


async def test_a_call_to_a_provider_is_made_once_and_not_within_a_transaction(house: House) -> None:
    first, second = await order(house, "a"), await order(house, "a")
    assert (first.status, second.body, len(house.ordered)) == (200, first.body, 1)
    assert second.headers["idempotency-replayed"] == "true"
    assert (await order(house, "b")).status == 409
    got = await asyncio.gather(*(order(house, "c", "other") for _ in range(5)))
    assert sorted(each.status for each in got) == [200, 409, 409, 409, 409]
    assert [name for name, _ in house.ordered] == ["a", "c"]


async def test_what_is_asked_of_a_provider_bears_one_id_in_every_repetition(house: House) -> None:
    for _ in range(2):  # refused, and so asked for again
        assert (await order(house, "unknown")).status == 404
    await order(house, "unknown", "other")
    await order(house, "unknown", None)
    await order(house, "unknown", None)
    ids = [id_ for _, id_ in house.ordered]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert all(str(uuid.UUID(id_)) == id_ for id_ in ids)


async def test_changes_and_reply_are_kept_together_or_not_at_all(database: Database) -> None:
    idempotency = Idempotency(database, Reverse())

    async def change(fails: bool) -> Reply:
        async with database.transaction() as tx:
            await tx.execute(
                "INSERT INTO leases (name, owner, fence, expires_at) VALUES (?, ?, ?, ?)", "x", "o", 1, 1
            )
        if fails:
            raise NotFound("no")
        return Reply({"data": "ünï"}, 201, {"Location": "/x"})

    with pytest.raises(NotFound):
        await idempotency.once(call(), "POST", "/x", lambda: change(True))
    assert (await rows(database), await database.fetch("SELECT * FROM leases")) == ([], [])
    await idempotency.once(call(), "POST", "/x", lambda: change(False))
    again = await idempotency.once(call(), "POST", "/x", lambda: change(False))
    assert (again.body, again.status, again.headers["Location"]) == ('{"data":"ünï"}'.encode(), 201, "/x")
    assert len(await database.fetch("SELECT * FROM leases")) == 1
    (row,) = await rows(database)
    assert '"data"' not in row["reply"]  # as stored it is encrypted


async def test_a_run_that_died_holds_its_key_for_a_minute_and_cannot_come_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    idempotency = Idempotency(database, Reverse())

    async def handler() -> Reply:
        return Reply({"data": 1})

    assert await idempotency._reserve("id", "print", "dead") is None
    with pytest.raises(Conflict, match="still running"):
        await idempotency._reserve("id", "print", "next")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + LOCK)
    assert await idempotency._reserve("id", "print", "next") is None
    with pytest.raises(Conflict, match="still running"):
        await idempotency._run("id", "dead", handler)
    await idempotency._release("id", "dead")
    assert [row["owner"] for row in await rows(database)] == ["next"]


async def test_a_reply_is_kept_for_a_day_and_then_pruned(
    house: House, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(house, "a")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + clock.DAY - clock.MINUTE)
    assert await house.idempotency.prune() == 0
    assert (await make(house, "a")).headers["idempotency-replayed"] == "true"
    monkeypatch.setattr(clock, "now", lambda: now + clock.DAY + clock.MINUTE)
    assert (await make(house, "b")).status == 201
    monkeypatch.setattr(clock, "now", lambda: now + 3 * clock.DAY)
    assert (await house.idempotency.prune(), await rows(database)) == (1, [])
