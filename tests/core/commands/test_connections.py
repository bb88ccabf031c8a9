"""``rallypoint connections show``, and what becomes of connections when an account is exported and erased."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.core.connections.conftest import ALICE, Pushed
from tests.core.connections.oauth import connect, oauth_service, process

from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.storage.database import Database
from rallypoint.testing.oauth import OAuthFake


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[OAuthFake]:
    async with OAuthFake() as running:
        yield running


@pytest_asyncio.fixture
async def cal(database: Database, fake: OAuthFake) -> AsyncIterator[Connections]:
    http = ProviderHttp()
    await http.open()
    connections = process(database, http, Pushed())
    connections.declare("cal", oauth_service(fake))
    async with database.transaction() as tx:
        await tx.execute(
            "INSERT INTO accounts (id, name, mode, created_at) VALUES (?, 'Acme', 'live', 0)",
            ALICE.account_id,
        )
        await tx.execute(
            "INSERT INTO users (id, account_id, email, email_key, password_hash, role, is_operator, created_at)"
            " VALUES (?, ?, 'Alice@example.com', 'alice@example.com', 'x', 'admin', ?, 0)",
            ALICE.user_id,
            ALICE.account_id,
            False,
        )
    yield connections
    await connections.close()


class Told:
    """What a command printed."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out.decode(), err.decode()


@pytest.fixture
def rallypoint(database_url: str, tmp_path: Path) -> Callable[..., Awaitable[Told]]:
    """Runs a command in a process of its own, as beside a server."""
    env = {
        "RALLYPOINT_DATABASE_URL": database_url,
        "RALLYPOINT_DATA_DIR": str(tmp_path),
        "RALLYPOINT_SECRET_KEY": "x" * 32,
    }

    async def run(*arguments: str) -> Told:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "rallypoint",
            *arguments,
            env={**os.environ, **env},
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Told(process.returncode or 0, out, err)

    return run


async def test_a_connection_is_shown_with_its_past_and_without_its_tokens(
    cal: Connections, rallypoint: Callable[..., Awaitable[Told]]
) -> None:
    connection = (await connect(cal)).connection
    await cal.note(connection.id, "failed", detail="sync: the provider answered 503")
    told = await rallypoint("connections", "show", "ALICE@example.com", "cal")
    assert told.code == 0, told.err
    for part in (
        "cal (live): connected",
        connection.id,
        "alice@example.com",
        "openid https://cal.example/auth/calendar",
        "token    expires ",
        "failed",
        "sync: the provider answered 503",
    ):
        assert part in told.out
    for secret in ("at-", "rt-", "gAAAA"):
        assert secret not in told.out


async def test_who_and_what_is_not_there_is_said_so(
    cal: Connections, rallypoint: Callable[..., Awaitable[Told]]
) -> None:
    unknown = await rallypoint("connections", "show", "bob@example.com")
    assert (unknown.code, "nobody has registered as bob@example.com" in unknown.err) == (1, True)
    nothing = await rallypoint("connections", "show", "alice@example.com", "mail")
    assert (nothing.code, "has not connected mail" in nothing.err) == (1, True)


async def test_an_export_has_the_connection_and_its_past_and_no_secret(
    cal: Connections, rallypoint: Callable[..., Awaitable[Told]]
) -> None:
    await connect(cal)
    await cal.begin(ALICE, "cal", scopes=["https://cal.example/auth/mail"])
    told = await rallypoint("export", ALICE.account_id)
    tables: dict[str, list[dict[str, object]]] = {}
    for line in told.out.splitlines():
        one = json.loads(line)
        tables.setdefault(one["table"], []).append(one["row"])
    assert tables["connections"][0]["email"] == "alice@example.com"
    assert "credential" not in tables["connections"][0]
    assert tables["connection_marks"][0]["kind"] == "connected"
    assert tables["connection_log"][0]["kind"] == "connected"
    assert len(tables["oauth_states"]) == 2
    assert "gAAAA" not in told.out


async def test_an_erased_accounts_grants_are_taken_back_by_a_server(
    cal: Connections, rallypoint: Callable[..., Awaitable[Told]], database: Database, fake: OAuthFake
) -> None:
    cal.declare("mail", oauth_service(fake, "mail"))
    await connect(cal)
    await connect(cal, service="mail")
    told = await rallypoint("erase", ALICE.account_id, "--yes")
    assert told.code == 0, told.err
    for table in ("connections", "connection_marks", "connection_log", "oauth_states"):
        assert await database.fetch(f"SELECT * FROM {table}") == []
    assert len(await database.fetch("SELECT * FROM oauth_revocations")) == 2
    await cal.revocations.sweep()
    assert fake.received("POST", "/revoke") == []  # it is not due before everything is deleted
    async with database.transaction() as tx:
        await tx.execute("UPDATE oauth_revocations SET next_at = 0")
    await cal.revocations.sweep()
    assert await database.fetch("SELECT * FROM oauth_revocations") == []
    assert all(grant.ended for grant in fake.books.grants)
