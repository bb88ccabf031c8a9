"""Encrypts stored secrets anew with the current key, beside running servers and a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rallypoint.security.vault import Vault, VaultError
from rallypoint.storage.database import Database, Row
from rallypoint.storage.ownership import table_columns

_BATCH = 100
_PASSES = 5
"""A value that somebody changes meanwhile is met again in the next pass; it is changed by the current key by then."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became of a column.

    Args:
        table: Its table.
        column: Its name.
        renewed: How many values were encrypted anew.
        current: How many were encrypted with the current key already.
        unreadable: How many no key of ours can read; they are left as they are.
        missing: Whether there is no such column in this database.
    """

    table: str
    column: str
    renewed: int = 0
    current: int = 0
    unreadable: int = 0
    missing: bool = False


class Rotation:
    """Goes through sealed columns.

    Args:
        database: Open; servers may be working on it.
        vault: With the current key and the previous ones.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def rotate(self, table: str, column: str) -> Rotated:
        """Encrypt one column's values anew; a value that changes meanwhile is never overwritten."""
        key = _key(await table_columns(self._database), table, column)
        if key is None:
            return Rotated(table, column, missing=True)
        renewed = 0
        for _ in range(_PASSES):
            found = await self._pass(table, column, key)
            renewed += found.renewed
            if not found.renewed:
                return Rotated(table, column, renewed, found.current - renewed, found.unreadable)
        return Rotated(table, column, renewed, found.current, found.unreadable)

    async def _pass(self, table: str, column: str, key: str) -> Rotated:
        after, args = "", list[object]()
        renewed = current = unreadable = 0
        while True:
            rows = await self._database.fetch(
                f'SELECT "{key}" AS id, "{column}" AS sealed FROM "{table}"'  # noqa: S608 - declared names
                f' WHERE "{column}" IS NOT NULL{after} ORDER BY "{key}" LIMIT ?',
                *args,
                _BATCH,
            )
            if not rows:
                return Rotated(table, column, renewed, current, unreadable)
            due, held, lost = self._sort(rows)
            renewed += await self._write(table, column, key, due)
            current, unreadable = current + held, unreadable + lost
            after, args = f' AND "{key}" > ?', [rows[-1]["id"]]

    def _sort(self, rows: list[Row]) -> tuple[list[tuple[object, str, str]], int, int]:
        """Return what is to be written (key, old, new), how many are current, and how many cannot be read."""
        due: list[tuple[object, str, str]] = []
        held = lost = 0
        for row in rows:
            sealed = row["sealed"]
            try:
                if not sealed:
                    continue
                if self._vault.is_current(sealed):
                    held += 1
                else:
                    due.append((row["id"], sealed, self._vault.rotate(sealed)))
            except VaultError:
                lost += 1
        return due, held, lost

    async def _write(self, table: str, column: str, key: str, due: list[tuple[object, str, str]]) -> int:
        """Write each value unless somebody has changed it since it was read; returns how many were written."""
        sql = f'UPDATE "{table}" SET "{column}" = ? WHERE "{key}" = ? AND "{column}" = ?'  # noqa: S608
        async with self._database.transaction() as tx:
            return sum([await tx.execute(sql, new, id_, old) for id_, old, new in due])


def _key(columns: Mapping[str, Mapping[str, bool]], table: str, column: str) -> str | None:
    """Return a table's primary key; None when the table or the column is not there."""
    own = columns.get(table, {})
    return next((name for name, is_key in own.items() if is_key), None) if column in own else None
