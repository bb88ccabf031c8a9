"""Owners of connections are told once that one needs them, and once that it works again."""

from __future__ import annotations

from plugins.mail.tests.conftest import World

from rallypoint.connections.api import Connection, Owner
from rallypoint.plugins.contributions import ApiKeyConnection


async def connected(world: World) -> Connection:
    """Connect a service that some plugin of this server offers."""

    async def identify(_connection: Connection) -> str:
        return "ada@calendar.example.com"

    service = ApiKeyConnection(
        "acme_calendar", "Acme Calendar", "https://api.example.com", lambda key: {}, identify
    )
    connections = world.house.connections
    if "acme_calendar" not in connections.services:
        connections.declare("mail", service)
    owner = Owner(world.account, world.user, "live")
    await connections.connect(owner, "acme_calendar", "key")
    found = await connections.find(world.account, world.user, "live", "acme_calendar")
    assert found is not None
    return found


async def test_one_notice_when_it_breaks_and_one_when_it_works_again(world: World) -> None:
    connection = await connected(world)
    assert await world.mail() == []
    for _ in range(3):
        await world.house.connections.mark_needs_reauth(connection, "revoked")
    (broken,) = await world.mail()
    assert broken.recipients == [world.email]
    assert broken.message["Subject"] == "Please connect Acme Calendar again"
    for form in (broken.text, broken.html):
        assert "ada@calendar.example.com" in form
        assert "https://book.example.org/settings/integrations" in form
        assert "Ada Owner" in form

    await connected(world)
    _, works = await world.mail()
    assert works.message["Subject"] == "Acme Calendar is connected again"


async def test_one_who_has_left_is_not_written_to(world: World) -> None:
    connection = await connected(world)
    async with world.house.database.transaction() as tx:
        await tx.execute("UPDATE users SET disabled_at = 1 WHERE id = ?", world.user)
    await world.house.connections.mark_needs_reauth(connection, "revoked")
    assert await world.mail() == []
