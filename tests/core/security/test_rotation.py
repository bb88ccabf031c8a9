"""Keys change beside running servers: everything is encrypted anew, and nothing that changes meanwhile is undone."""

from __future__ import annotations

import asyncio

import pytest

from rallypoint.security.rotation import Rotation
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.apps import core_sealed, core_tables
from rallypoint.storage.database import Database, Row
from rallypoint.storage.ownership import table_columns

OLD, NEW = "o" * 32, "n" * 32


def vault(key: str, previous: str = "") -> Vault:
    return Vault(Settings(_env_file=None, secret_key=key, previous_secret_keys=previous))


BEFORE, BETWEEN, AFTER = vault(OLD), vault(NEW, OLD), vault(NEW)


async def put(database: Database, count: int) -> None:
    async with database.transaction() as tx:
        await tx.execute_many(
            "INSERT INTO connections (id, account_id, user_id, mode, service, state, label, reason, credential,"
            " version, seq, created_at, updated_at)"
            " VALUES (?, 'a', ?, 'live', 'acme', 'connected', '', '', ?, 1, 0, 0, 0)",
            [[f"c{n:04}", f"u{n}", BEFORE.encrypt(f"secret-{n}") if n % 7 else ""] for n in range(count)],
        )


async def rows(database: Database) -> list[Row]:
    return await database.fetch("SELECT id, credential FROM connections ORDER BY id")


async def test_every_value_is_read_by_the_new_key_alone(database: Database) -> None:
    await put(database, 350)
    found = await Rotation(database, BETWEEN).rotate("connections", "credential")
    assert (found.renewed, found.current, found.unreadable) == (300, 0, 0)
    for number, row in enumerate(await rows(database)):
        assert (
            (AFTER.decrypt(row["credential"]) == f"secret-{number}")
            if number % 7
            else row["credential"] == ""
        )
    again = await Rotation(database, BETWEEN).rotate("connections", "credential")
    assert (again.renewed, again.current) == (0, found.renewed)


async def test_what_somebody_changes_meanwhile_stays(database: Database) -> None:
    await put(database, 200)
    rotation = Rotation(database, BETWEEN)
    write = rotation._write
    done: list[str] = []

    async def changed_first(table: str, column: str, key: str, due: list[tuple[object, str, str]]) -> int:
        if due and not done:
            done.append(str(due[3][0]))
            async with database.transaction() as tx:
                await tx.execute(
                    "UPDATE connections SET credential = ? WHERE id = ?", BEFORE.encrypt("fresh"), done[0]
                )
        return await write(table, column, key, due)

    rotation._write = changed_first  # type: ignore[method-assign]
    await rotation.rotate("connections", "credential")
    values = {row["id"]: row["credential"] for row in await rows(database)}
    assert AFTER.decrypt(values[done[0]]) == "fresh"


async def test_a_writer_at_work_loses_nothing(database: Database) -> None:
    await put(database, 100)
    stop = asyncio.Event()
    last: dict[str, str] = {}

    async def write() -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            id_ = f"c{number % 100:04}"
            last[id_] = f"write-{number}"
            async with database.transaction() as tx:
                await tx.execute(
                    "UPDATE connections SET credential = ? WHERE id = ?", BETWEEN.encrypt(last[id_]), id_
                )

    writer = asyncio.create_task(write())
    try:
        await Rotation(database, BETWEEN).rotate("connections", "credential")
    finally:
        stop.set()
        await writer
    for row in await rows(database):
        if row["credential"]:
            assert AFTER.decrypt(row["credential"]) == last.get(row["id"], f"secret-{int(row['id'][1:])}")


async def test_what_no_key_reads_is_counted_and_left(database: Database) -> None:
    await put(database, 3)
    lost = vault("l" * 32).encrypt("x")
    async with database.transaction() as tx:
        await tx.execute("UPDATE connections SET credential = ? WHERE id = 'c0001'", lost)
    found = await Rotation(database, BETWEEN).rotate("connections", "credential")
    assert (found.renewed, found.unreadable) == (1, 1)
    assert (await rows(database))[1]["credential"] == lost


@pytest.mark.parametrize(("table", "column"), [("nothing", "x"), ("connections", "nothing")])
async def test_a_column_that_is_not_there_is_said_so(database: Database, table: str, column: str) -> None:
    assert (await Rotation(database, BETWEEN).rotate(table, column)).missing


async def test_every_column_of_the_core_that_looks_sealed_is_declared(database: Database) -> None:
    columns = await table_columns(database)
    declared = core_sealed()
    assert all(column in columns[table] for table, column in declared)
    looks = {"credential", "secret", "previous_secret", "sealed", "reply", "api_key"}
    plain = {("plugin_records", "sealed"), ("webhook_attempts", "reply")}
    found = {(table, name) for table in core_tables() for name in columns[table] if name in looks}
    assert found - plain == set(declared)
