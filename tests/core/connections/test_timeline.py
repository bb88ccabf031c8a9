"""The timeline: one row for each kind, a log that stays short, and nothing of it left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from tests.core.connections.conftest import ALICE, Pushed
from tests.core.connections.oauth import age, connect, oauth_service, process

from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.connections.timeline import LOG_LENGTH
from rallypoint.storage.database import Database
from rallypoint.testing.oauth import OAuthFake


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


@pytest_asyncio.fixture
async def cal(database: Database, http: ProviderHttp, fake: OAuthFake, pushed: Pushed) -> Connections:
    connections = process(database, http, pushed)
    connections.declare("cal", oauth_service(fake))
    return connections


async def test_it_tells_a_connections_life(cal: Connections, database: Database, fake: OAuthFake) -> None:
    connection = (await connect(cal)).connection
    await age(database, cal)
    again = await cal.get(connection.id)
    assert again is not None
    await again.client.get_json("/me")
    await cal.mark_needs_reauth(connection, "revoked")
    await connect(cal)
    timeline = await cal.timeline(connection.id)
    marks = {mark.kind: mark for mark in timeline.marks}
    assert {kind: mark.count for kind, mark in marks.items()} == {
        "connected": 2,
        "refreshed": 1,
        "needs_reauth": 1,
        "recovered": 1,
    }
    assert marks["refreshed"].until is not None
    assert marks["connected"].detail == "alice@example.com"
    assert [entry.kind for entry in timeline.log] == ["recovered", "connected", "needs_reauth", "connected"]
    assert timeline.log[2].detail == "revoked"


async def test_a_line_costs_one_row_however_often_it_is_written(cal: Connections, database: Database) -> None:
    id_ = (await connect(cal)).connection.id
    for number in range(5):
        await cal.note(id_, "polled", at=number, until=number + 60, detail=f"{number} changes")
    rows = await database.fetch("SELECT * FROM connection_marks WHERE kind = 'polled'")
    assert [(row["count"], row["last_at"], row["until"], row["detail"]) for row in rows] == [
        (5, 4, 64, "4 changes")
    ]
    assert await database.fetch("SELECT * FROM connection_log WHERE kind = 'polled'") == []


async def test_the_log_stays_short(cal: Connections, database: Database) -> None:
    id_ = (await connect(cal)).connection.id
    for number in range(LOG_LENGTH + 20):
        await cal.note(id_, "failed", detail=str(number))
    log = (await cal.timeline(id_)).log
    assert len(log) == LOG_LENGTH
    assert log[0].detail == str(LOG_LENGTH + 19)
    assert (await cal.timeline(id_)).marks[0].count == LOG_LENGTH + 20


async def test_a_note_joins_the_transaction_it_is_given(cal: Connections, database: Database) -> None:
    id_ = (await connect(cal)).connection.id
    try:
        async with database.transaction() as tx:
            await cal.note(id_, "pushed", tx=tx)
            raise RuntimeError("no")
    except RuntimeError:
        pass
    assert "pushed" not in {mark.kind for mark in (await cal.timeline(id_)).marks}


async def test_text_is_what_both_databases_hold(cal: Connections) -> None:
    id_ = (await connect(cal)).connection.id
    await cal.note(id_, "failed", detail="a\x00b" + "x" * 500)
    assert (await cal.timeline(id_)).log[0].detail == ("ab" + "x" * 500)[:300]


async def test_nothing_is_noted_of_what_is_gone(cal: Connections, database: Database) -> None:
    id_ = (await connect(cal)).connection.id
    await cal.disconnect(ALICE, "cal")
    await cal.note(id_, "failed", detail="late")
    for table in ("connection_marks", "connection_log", "oauth_revocations"):
        assert await database.fetch(f"SELECT * FROM {table}") == []


async def test_many_may_write_at_once(cal: Connections) -> None:
    id_ = (await connect(cal)).connection.id
    await asyncio.gather(*(cal.note(id_, "pushed") for _ in range(30)))
    assert {mark.kind: mark.count for mark in (await cal.timeline(id_)).marks}["pushed"] == 30
