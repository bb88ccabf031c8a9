from __future__ import annotations

import pytest

from rallypoint.connections.api import Owner

from .conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOT = {"connected": False}
CONNECT = "/api/v1/connections/acme_lists"


async def test_both_documented_integrations_and_every_installed_one_are_there(world: World) -> None:
    _, token = await world.register()
    told = await world.status(token)
    assert told["success"] is True
    assert told["data"].pop("evil")["connected"] is True
    assert told["data"] == dict.fromkeys(
        ("googleCalendar", "zapier", "acmeKeys", "acmeLists", "acmeMail"), NOT
    )


async def test_a_declared_connection_needs_no_source(world: World) -> None:
    _, token = await world.register()
    await world.ask("PUT", CONNECT, {"api_key": "key-of-alice"}, token=token)
    mine = (await world.status(token))["data"]["acmeLists"]
    assert mine.pop("connectedAt")[-5:-4] == "."
    assert mine == {"connected": True, "account": "Alice", "lastSyncAt": None, "needsReauth": False}
    _, other = await world.register()
    assert (await world.status(other))["data"]["acmeLists"] == NOT
    await world.ask("DELETE", CONNECT, token=token)
    assert (await world.status(token))["data"]["acmeLists"] == NOT


async def test_one_that_needs_attention_is_connected_and_says_so(world: World) -> None:
    _, token = await world.register()
    me = await world.house.identity.authenticator.authenticate(token)
    await world.ask("PUT", CONNECT, {"api_key": "key-of-alice"}, token=token)
    connection = await world.house.connections.find(me.account_id, me.user_id, me.mode, "acme_lists")
    assert connection is not None
    await world.house.connections.mark_needs_reauth(connection, "the key was refused")
    mine = (await world.status(token))["data"]["acmeLists"]
    assert (mine["connected"], mine["needsReauth"]) == (True, True)


async def test_a_sandbox_key_sees_nothing_of_the_live_account(world: World) -> None:
    _, token = await world.register()
    await world.ask("PUT", CONNECT, {"api_key": "key-of-alice"}, token=token)
    made = await world.ask("POST", "/api/personal_api_keys", {"label": "test", "sandbox": True}, token=token)
    assert (await world.status(made.json()["data"]["value"]))["data"]["acmeLists"] == NOT


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/integrations/status", {}, 401),
        ("GET", "/integrations/status", {"authorization": "Bearer nobody"}, 401),
        ("POST", "/integrations/status", {}, 405),
        ("GET", "/integrations/nothing", {}, 404),
        ("GET", "/integrations", {}, 404),
    ],
)
async def test_every_error_below_integrations_has_its_envelope(
    world: World, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    got = await world.ask(method, path, **headers)
    assert (got.status, got.json()["success"]) == (status, False)
    assert got.json()["error"]["message"]


async def test_the_status_is_documented_with_its_shape(world: World) -> None:
    document = (await world.ask("GET", "/openapi.json")).json()
    operation = document["paths"]["/integrations/status"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert schema == "StatusOut"
    assert not [path for path in document["paths"] if path.startswith("/settings")]
    data = document["components"]["schemas"]["StatusData"]
    assert set(data["required"]) == {"googleCalendar", "zapier"}


async def test_plugins_extend_what_is_made_from_a_connection(world: World) -> None:
    from rallypoint.domains.integrations.api import Integrations
    from rallypoint.errors import NotFound

    defaults = world.house.kernel.services.get(Integrations)  # type: ignore[type-abstract]
    _, token = await world.register()
    viewer = await world.viewer(token)
    section = await defaults.section(viewer, "acme_lists")
    assert (section.title, section.state, section.service) == ("Acme Lists", "not_connected", "acme_lists")
    assert await defaults.status(viewer, "acme_lists") == NOT
    with pytest.raises(NotFound):
        await defaults.section(viewer, "nothing")
    with pytest.raises(NotFound):
        await defaults.status(viewer, "nothing")


async def test_the_last_sync_is_that_of_the_connections_own_tasks(world: World) -> None:
    _, token = await world.register()
    await world.ask("PUT", CONNECT, {"api_key": "key-of-alice"}, token=token)
    me = await world.house.identity.authenticator.authenticate(token)
    row = await world.house.connections.row(Owner.of(me), "acme_lists")
    async with world.house.database.transaction() as tx:
        for task, at in (("sync", 1_766_399_400_000), ("renew", None)):
            await tx.execute(
                "INSERT INTO scheduled_runs (id, plugin, task, connection_id, next_at, claimed_until, fence,"
                " failures, last_error, last_success_at) VALUES (?, 'gone', ?, ?, NULL, 0, 0, 0, '', ?)",
                f"gone/{task}/{row['id']}",
                task,
                row["id"],
                at,
            )
    assert (await world.status(token))["data"]["acmeLists"]["lastSyncAt"] == "2025-12-22T10:30:00.000Z"
