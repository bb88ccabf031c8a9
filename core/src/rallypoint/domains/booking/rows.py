"""Writing rows whose columns are in a mapping; the names of tables and columns are our own, never a caller's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.storage.database import Row, Transaction


async def insert(tx: Transaction, table: str, values: Mapping[str, Any]) -> Row:
    """Write a new row and return it with its key."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    rows = await tx.fetch(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING *", *values.values())  # noqa: S608
    return rows[0]


async def update(tx: Transaction, table: str, key: int, changes: Mapping[str, Any]) -> Row:
    """Write changed columns of a row that is there and return it as it is now."""
    columns = ", ".join(f"{name} = ?" for name in changes)
    rows = await tx.fetch(f"UPDATE {table} SET {columns} WHERE id = ? RETURNING *", *changes.values(), key)  # noqa: S608
    return rows[0]
