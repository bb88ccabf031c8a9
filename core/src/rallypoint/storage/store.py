"""``ctx.store``: a small key-value store for each plugin and connection, so that a cursor needs no table."""

from __future__ import annotations

import json
from typing import Any

from rallypoint.storage import clock
from rallypoint.storage.database import Database

MAX_VALUE_BYTES = 65_536


class Store:
    """Values of one plugin, for one connection or for the plugin itself.

    Args:
        database: Where the rows are.
        plugin: Its name.
        connection_id: Empty for values of the plugin itself.
    """

    def __init__(self, database: Database, plugin: str, connection_id: str = "") -> None:
        self._database = database
        self._plugin = plugin
        self._connection = connection_id

    def for_connection(self, connection_id: str) -> Store:
        """Return the store of one connection of the same plugin."""
        return Store(self._database, self._plugin, connection_id)

    async def get(self, key: str, default: Any = None) -> Any:
        """Return the value under ``key``, or ``default``; inside a transaction the value it has written."""
        async with self._database.transaction() as tx:
            row = await tx.fetch_one("SELECT value FROM stored_values WHERE id = ?", self._id(key))
        return default if row is None else json.loads(row["value"])

    async def set(self, key: str, value: Any) -> None:
        """Keep a JSON-able value of at most 64 KiB; joins the transaction under way.

        Raises:
            ValueError: The value is too large.
        """
        text = json.dumps(value)
        if len(text.encode()) > MAX_VALUE_BYTES:
            raise ValueError(f"a stored value may have {MAX_VALUE_BYTES} bytes; {key!r} has more")
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT INTO stored_values (id, plugin, connection_id, key, value, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
                self._id(key),
                self._plugin,
                self._connection,
                key,
                text,
                clock.now(),
            )

    async def delete(self, key: str) -> None:
        """Forget the value under ``key``."""
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM stored_values WHERE id = ?", self._id(key))

    def _id(self, key: str) -> str:
        return f"{self._plugin}/{self._connection}/{key}"
