"""Connections: made, replaced, refused, recovered, removed; credentials sealed and owners told once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.core.connections.conftest import ACCOUNT, ALICE, KEY, USER, AcmeFake, Pushed, declared

from rallypoint.connections.api import Connection, Owner
from rallypoint.connections.service import Connections
from rallypoint.errors import NeedsReauth, NotFound, PermanentFailure, Unavailable, ValidationFailed
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.database import Database, Transaction

BOB = Owner(ACCOUNT, "0190a000-0000-7000-8000-0000000000bb", "live")
SANDBOX = Owner("0190a000-0000-7000-8000-00000000000c", USER, "sandbox")


async def connected(connections: Connections, owner: Owner = ALICE) -> Connection:
    found = await connections.find(owner.account_id, owner.user_id, owner.mode, "acme")
    assert found is not None
    return found


async def events(database: Database) -> list[tuple[str, int, dict[str, Any]]]:
    rows = await database.fetch("SELECT type, seq, body FROM events ORDER BY seq")
    return [(row["type"], row["seq"], json.loads(row["body"])) for row in rows]


async def test_connecting_verifies_labels_and_seals(connections: Connections, database: Database) -> None:
    row, created = await connections.connect(ALICE, "acme", KEY)
    assert (created, row["state"], row["label"]) == (True, "connected", "Alice")
    stored = await database.fetch_one("SELECT * FROM connections")
    assert stored is not None
    assert KEY not in str(dict(stored))
    connection = await connected(connections)
    assert await connection.client.get_json("/me") == {"name": "Alice"}
    assert KEY not in repr(connection)


async def test_connecting_again_replaces_the_key(connections: Connections, acme: AcmeFake) -> None:
    first, _ = await connections.connect(ALICE, "acme", KEY)
    second, created = await connections.connect(ALICE, "acme", "key-of-new")
    assert (created, second["id"], second["version"]) == (False, first["id"], 2)
    await (await connected(connections)).client.get_json("/me")
    assert acme.requests[-1].headers["X-API-KEY"] == "key-of-new"


async def test_a_wrong_key_is_refused_and_not_kept(connections: Connections, database: Database) -> None:
    with pytest.raises(ValidationFailed, match="does not accept") as error:
        await connections.connect(ALICE, "acme", "wrong")
    assert error.value.status == 400
    assert "api_key" in error.value.fields
    assert await connections.list(ALICE) == []


async def test_a_provider_that_is_away_is_503(connections: Connections, acme: AcmeFake) -> None:
    acme.fail(503, headers={"Retry-After": "7"}, times=5)
    with pytest.raises(Unavailable) as error:
        await connections.connect(ALICE, "acme", KEY)
    assert error.value.headers["Retry-After"] == "7"


async def test_an_unknown_service_is_404(connections: Connections) -> None:
    with pytest.raises(NotFound):
        await connections.connect(ALICE, "nobody", KEY)
    with pytest.raises(NotFound):
        await connections.disconnect(ALICE, "acme")
    with pytest.raises(NotFound):
        await connections.row(ALICE, "acme")


async def test_a_service_is_declared_once(connections: Connections, acme: AcmeFake) -> None:
    with pytest.raises(ValueError, match="declared by acme"):
        connections.declare("other", declared(acme.url))


async def test_users_see_their_own_alone(connections: Connections) -> None:
    await connections.connect(ALICE, "acme", KEY)
    assert await connections.list(BOB) == []
    with pytest.raises(NotFound):
        await connections.row(BOB, "acme")
    with pytest.raises(NotFound):
        await connections.disconnect(BOB, "acme")
    assert await connections.find(ACCOUNT, USER, "sandbox", "acme") is None
    assert (await connections.row(ALICE, "acme"))["label"] == "Alice"


async def test_the_sandbox_calls_nobody_and_keeps_no_key(
    connections: Connections, acme: AcmeFake, database: Database
) -> None:
    row, _ = await connections.connect(SANDBOX, "acme", "anything")
    assert (row["label"], row["credential"]) == ("Sandbox", "")
    connection = await connected(connections, SANDBOX)
    with pytest.raises(PermanentFailure, match="sandbox"):
        await connection.client.get_json("/me")
    assert await connection.client.send_json("POST", "/items", {}) is None
    assert acme.requests == []


async def test_the_owner_is_told_once_each_way(
    connections: Connections, database: Database, pushed: Pushed
) -> None:
    await connections.connect(ALICE, "acme", KEY)
    connection = await connected(connections)
    marks = [connections.mark_needs_reauth(connection, "401") for _ in range(5)]
    assert sorted(await asyncio.gather(*marks)) == [False] * 4 + [True]
    row = await connections.row(ALICE, "acme")
    assert (row["state"], row["reason"]) == ("needs_reauth", "401")
    await connections.connect(ALICE, "acme", KEY)
    await connections.connect(ALICE, "acme", KEY)
    told = await events(database)
    assert [(kind, seq) for kind, seq, _ in told] == [
        ("connection.needs_reauth", 1),
        ("connection.recovered", 2),
    ]
    assert told[0][2]["reason"] == "401"
    assert told[1][2]["state"] == "connected"
    assert [message.topic for message in pushed.messages] == [f"user:{USER}"] * 2


async def test_news_of_an_old_key_is_ignored(connections: Connections, database: Database) -> None:
    await connections.connect(ALICE, "acme", KEY)
    old = await connected(connections)
    await connections.connect(ALICE, "acme", "key-of-new")
    assert not await connections.mark_needs_reauth(old, "401")
    assert (await connections.row(ALICE, "acme"))["state"] == "connected"


async def test_disconnecting_leaves_nothing(connections: Connections, database: Database) -> None:
    await connections.connect(ALICE, "acme", KEY)
    connection = await connected(connections)
    await connection.store.set("cursor", 1)
    await connections.disconnect(ALICE, "acme")
    assert await database.fetch("SELECT * FROM stored_values") == []
    assert await connections.list(ALICE) == []
    assert await connections.get(connection.id) is None


async def test_observers_hear_of_changes_in_their_transaction(
    connections: Connections, database: Database
) -> None:
    heard: list[tuple[str, str, str]] = []

    async def observe(tx: Transaction, plugin: str, connection: Connection, state: str) -> None:
        assert tx.task is asyncio.current_task()
        heard.append((plugin, connection.service, state))

    connections.observe(observe)
    await connections.connect(ALICE, "acme", KEY)
    await connections.mark_needs_reauth(await connected(connections), "401")
    await connections.disconnect(ALICE, "acme")
    assert heard == [("acme", "acme", state) for state in ("connected", "needs_reauth", "removed")]


async def test_a_key_sealed_with_lost_keys_asks_for_a_new_one(
    connections: Connections, database: Database
) -> None:
    await connections.connect(ALICE, "acme", KEY)
    sealed = Vault(Settings(secret_key="y" * 32)).encrypt(KEY)
    async with database.transaction() as tx:
        await tx.execute("UPDATE connections SET credential = ?", sealed)
    with pytest.raises(NeedsReauth, match="cannot be read"):
        await (await connected(connections)).client.get_json("/me")


async def test_a_service_is_listed_page_by_page(connections: Connections) -> None:
    for number in range(5):
        await connections.connect(Owner(ACCOUNT, str(number), "live"), "acme", KEY)
    first = await connections.for_service("acme", limit=3)
    rest = await connections.for_service("acme", after=first[-1].id, limit=3)
    assert sorted(one.user_id for one in [*first, *rest]) == ["0", "1", "2", "3", "4"]


async def test_the_rows_of_an_absent_plugin_stay(connections: Connections, database: Database) -> None:
    await connections.connect(ALICE, "acme", KEY)
    id_ = (await connections.row(ALICE, "acme"))["id"]
    connections._declared.known.clear()
    assert await connections.get(id_) is None
    assert await connections.for_service("acme") == []
    assert [row["service"] for row in await connections.list(ALICE)] == ["acme"]
    await connections.disconnect(ALICE, "acme")
    assert await connections.list(ALICE) == []


async def test_the_operators_client_needs_no_connection(connections: Connections) -> None:
    base = connections.services["acme"].declared.base_url
    client = connections.client(base, {"X-API-KEY": "key-of-us"})
    assert await client.get_json("/me") == {"name": "Us"}
