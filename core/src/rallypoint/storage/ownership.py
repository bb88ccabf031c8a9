"""Which rows belong to an account, told by the names of columns, so that a plugin's tables need declare nothing.

A table with ``account_id`` belongs to accounts by it; any other by whichever of :data:`REFERENCES` it has. Tables
with none of them are the server's own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from rallypoint.storage.database import Database, Row

REFERENCES = {
    "user_id": "users",
    "connection_id": "connections",
    "room_id": "rooms",
    "event_id": "events",
    "target_id": "webhook_targets",
}
"""Columns that hold the id of a row in a table of accounts."""
_ATTEMPTS = "delivery_id IN (SELECT id FROM webhook_deliveries WHERE {})"
_BATCH = 500
_SQLITE = (
    'SELECT m.name AS "table", p.name AS "column", p.pk > 0 AS is_key FROM sqlite_master m'
    " JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY m.name, p.cid"
)
_POSTGRESQL = (
    'SELECT c.relname AS "table", a.attname AS "column", COALESCE(a.attnum = ANY(i.indkey), FALSE) AS is_key'
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
    " WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace)"
    " ORDER BY c.relname, a.attnum"
)


@dataclass(frozen=True, slots=True)
class OwnedTable:
    """A table with rows of accounts.

    Args:
        name: Of the table.
        key: Its primary key.
        where: Chooses an account's rows; has ``marks`` question marks, each for the account's id.
        marks: How many.
        depth: How far it is from ``account_id``: what refers to others goes before them.
    """

    name: str
    key: str
    where: str
    marks: int
    depth: int

    async def rows(self, database: Database, account_id: str) -> AsyncIterator[Row]:
        """Read an account's rows in order of their keys, a batch at a time."""
        after, args = "", [account_id] * self.marks
        last: list[object] = []
        while True:
            rows = await database.fetch(
                f'SELECT * FROM "{self.name}" WHERE ({self.where}){after} ORDER BY "{self.key}" LIMIT ?',  # noqa: S608
                *args,
                *last,
                _BATCH,
            )
            for row in rows:
                yield row
            if len(rows) < _BATCH:
                return
            after, last = f' AND "{self.key}" > ?', [rows[-1][self.key]]

    async def delete(self, database: Database, account_id: str) -> int:
        """Delete an account's rows, each batch in a transaction of its own, and return how many there were."""
        total = 0
        sql = (
            f'DELETE FROM "{self.name}" WHERE "{self.key}" IN (SELECT "{self.key}" FROM "{self.name}"'  # noqa: S608
            f' WHERE {self.where} ORDER BY "{self.key}" LIMIT ?)'
        )
        while True:
            async with database.transaction() as tx:
                count = await tx.execute(sql, *[account_id] * self.marks, _BATCH)
            total += count
            if count < _BATCH:
                return total


async def table_columns(database: Database) -> dict[str, dict[str, bool]]:
    """Return the columns of every table in their order, and of each whether it is part of the primary key."""
    columns: dict[str, dict[str, bool]] = {}
    for row in await database.fetch(_SQLITE if database.is_sqlite else _POSTGRESQL):
        columns.setdefault(row["table"], {})[row["column"]] = bool(row["is_key"])
    return columns


async def owned_tables(database: Database) -> Sequence[OwnedTable]:
    """Return every table with rows of accounts, tables of absent plugins too; what refers to others comes first."""
    columns = await table_columns(database)
    found = [table for name in columns if (table := _owned(name, columns)) is not None]
    return sorted(found, key=lambda table: (-table.depth, table.name))


def _owned(name: str, columns: dict[str, dict[str, bool]]) -> OwnedTable | None:
    condition = _condition(name, columns)
    key = next((column for column, is_key in columns[name].items() if is_key), None)
    if condition is None or key is None:
        return None
    where, depth = condition
    return OwnedTable(name, key, where, where.count("?"), depth)


def _condition(name: str, columns: dict[str, dict[str, bool]]) -> tuple[str, int] | None:
    own = columns[name]
    if name == "accounts":
        return "id = ?", 0
    if "account_id" in own:
        return "account_id = ?", 1
    if name == "webhook_attempts":
        deliveries = _condition("webhook_deliveries", columns)
        return None if deliveries is None else (_ATTEMPTS.format(deliveries[0]), 3)
    parents = [(column, table) for column, table in REFERENCES.items() if column in own]
    if not parents:
        return None
    clauses = [f"{column} IN (SELECT id FROM {table} WHERE account_id = ?)" for column, table in parents]  # noqa: S608
    return " OR ".join(clauses), 2
