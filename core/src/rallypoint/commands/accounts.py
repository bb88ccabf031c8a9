"""``rallypoint export`` and ``erase``: everything that belongs to one account, and to its sandbox twin."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import TextIO

import click

from rallypoint.commands.database import opened
from rallypoint.connections.revocations import FOR_ACCOUNT
from rallypoint.domains.rooms import plugin as rooms
from rallypoint.domains.rooms.leaving import leave_everywhere
from rallypoint.domains.rooms.lifecycle import Lifecycle
from rallypoint.events.outbox import Outbox
from rallypoint.identity.users import email_key
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.plugins.shared import ALIVE
from rallypoint.realtime.channel import Message
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.ownership import owned_tables

NOTICE_SECONDS = 6.0
"""In which every running process has ended the account's sockets and pushed the events of its leaving."""
_SECRETS = ("hash", "secret", "credential", "password", "token", "api_key", "host_url")
_PASSES = 5


class _Nobody:
    """In the place of the hub: a running server pushes what this process leaves unpushed."""

    def publish(self, message: Message) -> None:
        """Leave it to a server."""


async def export(settings: Settings, account: str, out: TextIO) -> int:
    """Write an account's rows to ``out`` as JSON lines, ``{"table", "row"}`` each, and return how many.

    Args:
        settings: Of the server.
        account: Its id, or the address of somebody in it.
        out: Text; secrets and digests are left out of it.

    Raises:
        click.ClickException: There is no such account.
    """
    count = 0
    async with opened(settings) as database:
        account_id = await _find(database, account)
        async for table, row in _everything(database, account_id):
            out.write(json.dumps({"table": table, "row": row}, ensure_ascii=False) + "\n")
            count += 1
    return count


async def name_of(settings: Settings, account: str) -> tuple[str, str]:
    """Return an account's id and name, for asking whether it is meant.

    Raises:
        click.ClickException: There is no such account.
    """
    async with opened(settings) as database:
        account_id = await _find(database, account)
        row = await database.fetch_one("SELECT name FROM accounts WHERE id = ?", account_id)
    return account_id, "" if row is None else row["name"]


async def erase(settings: Settings, account_id: str) -> int:
    """Delete everything of an account and its twin, and return how many rows; may be repeated at any point.

    Its tokens and keys are revoked first, and running servers are given time to end its sockets. What it has
    connected elsewhere is taken back there: the next sweep of a server tells the providers.
    """
    async with opened(settings) as database:
        ids = await _with_twin(database, account_id)
        for one in ids:
            await _close(database, one)
            await _leave(database, one)
        if await _servers(database):
            await asyncio.sleep(NOTICE_SECONDS)
        for one in ids:
            await _take_back(database, one)
        # The twin first: its account names the live one, by which a repetition finds it.
        return sum([await _delete(database, one) for one in reversed(ids)])


async def _everything(database: Database, account_id: str) -> AsyncIterator[tuple[str, dict[str, object]]]:
    for table in reversed(await owned_tables(database)):
        for one in await _with_twin(database, account_id):
            async for row in table.rows(database, one):
                yield table.name, {key: _plain(row[key]) for key in row.keys() if not _is_secret(key)}  # noqa: SIM118


def _is_secret(column: str) -> bool:
    return any(part in column for part in _SECRETS)


def _plain(value: object) -> object:
    if not isinstance(value, bytes | memoryview):
        return value
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(bytes(value)).decode()}


async def _find(database: Database, account: str) -> str:
    row = await database.fetch_one("SELECT id FROM accounts WHERE id = ?", account)
    if row is None:
        row = await database.fetch_one(
            "SELECT account_id AS id FROM users WHERE email_key = ?", email_key(account)
        )
    if row is None:
        raise click.ClickException(
            f"there is no account {account}, and nobody has registered with that address"
        )
    return str(row["id"])


async def _with_twin(database: Database, account_id: str) -> list[str]:
    rows = await database.fetch("SELECT id FROM accounts WHERE twin_of = ?", account_id)
    return [account_id, *(row["id"] for row in rows)]


async def _close(database: Database, account_id: str) -> None:
    """Let nobody in any more: revoked credentials are what running servers look for."""
    at = clock.now()
    async with database.transaction() as tx:
        await tx.execute("UPDATE users SET disabled_at = ? WHERE account_id = ?", at, account_id)
        await tx.execute(
            "UPDATE api_keys SET revoked_at = ? WHERE account_id = ? AND revoked_at IS NULL", at, account_id
        )
        await tx.execute(
            "UPDATE sessions SET revoked_at = ? WHERE revoked_at IS NULL"
            " AND user_id IN (SELECT id FROM users WHERE account_id = ?)",
            at,
            account_id,
        )


async def _leave(database: Database, account_id: str) -> None:
    outbox = Outbox(database, EmbeddedJobs(), _Nobody())
    outbox.declare(rooms.register_events())
    if "rooms" in {table.name for table in await owned_tables(database)}:
        await leave_everywhere(database, Lifecycle(outbox), account_id)


async def _take_back(database: Database, account_id: str) -> None:
    """Have the account's grants revoked by a server: it can reach the providers, and keeps trying for a week."""
    at = clock.now()
    async with database.transaction() as tx:
        await tx.execute(FOR_ACCOUNT, at + clock.MINUTE, at, account_id)


async def _servers(database: Database) -> bool:
    fresh = clock.now() - ALIVE
    return await database.fetch_one("SELECT 1 FROM processes WHERE seen_at >= ?", fresh) is not None


async def _delete(database: Database, account_id: str) -> int:
    """Delete table by table, and again while something turns up that was under way meanwhile."""
    tables, total = await owned_tables(database), 0
    for _ in range(_PASSES):
        found = sum([await table.delete(database, account_id) for table in tables])
        total += found
        if not found:
            break
    return total
