"""What is kept of mailboxes: how far each has been read, and which of its messages have been told of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rallypoint.sdk import Connection, PluginContext

_KEPT_MS = 60 * 86_400_000


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How far a mailbox has been read; ``looked_at`` in milliseconds."""

    external_id: str
    history_id: str
    looked_at: int


class Records:
    """The plugin's two tables.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._database = ctx.kernel.database

    async def get(self, connection: Connection) -> Mailbox | None:
        """Return a connection's mailbox; None before its first look."""
        row = await self._database.fetch_one(
            "SELECT external_id, history_id, looked_at FROM google_mailboxes WHERE connection_id = ?",
            connection.id,
        )
        return None if row is None else Mailbox(row["external_id"], row["history_id"], row["looked_at"])

    async def begin(self, connection: Connection, history_id: str) -> None:
        """Read a mailbox from here on, unless somebody else has begun to; another account's place is forgotten."""
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT INTO google_mailboxes (connection_id, account_id, user_id, external_id, history_id,"
                " looked_at, seq) VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (connection_id) DO UPDATE SET"
                " external_id = excluded.external_id, history_id = excluded.history_id,"
                " looked_at = excluded.looked_at WHERE google_mailboxes.external_id <> excluded.external_id",
                connection.id,
                connection.account_id,
                connection.user_id,
                connection.external_id,
                history_id,
                _now(),
            )

    async def untold(self, connection: Connection, message_ids: Sequence[str]) -> list[str]:
        """Return those of the messages that nobody was told of, each once, in order."""
        keys = {f"{connection.id}/{one}": one for one in message_ids}
        if not keys:
            return []
        marks = ", ".join("?" * len(keys))
        rows = await self._database.fetch(f"SELECT id FROM google_mails WHERE id IN ({marks})", *keys)  # noqa: S608 - question marks
        told = {row["id"] for row in rows}
        return [one for key, one in keys.items() if key not in told]

    async def tell(self, connection: Connection, message_id: str) -> int | None:
        """Note that a message is told of now; joins the transaction under way.

        Returns:
            The number of the event; None when somebody else told of it first.
        """
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                "UPDATE google_mailboxes SET seq = seq + 1 WHERE connection_id = ? RETURNING seq",
                connection.id,
            )
            noted = await tx.fetch(
                "INSERT INTO google_mails (id, connection_id, account_id, told_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING RETURNING id",
                f"{connection.id}/{message_id}",
                connection.id,
                connection.account_id,
                _now(),
            )
        return int(rows[0]["seq"]) if rows and noted else None

    async def move(self, connection: Connection, history_id: str, *, done: bool) -> None:
        """Note how far a mailbox has been read; joins the transaction under way.

        Args:
            connection: Whose.
            history_id: Where to go on.
            done: Whether the look is finished.
        """
        async with self._database.transaction() as tx:
            await tx.execute(
                "UPDATE google_mailboxes SET history_id = ? WHERE connection_id = ?",
                history_id,
                connection.id,
            )
            if not done:
                return
            await tx.execute(
                "UPDATE google_mailboxes SET looked_at = ? WHERE connection_id = ?", _now(), connection.id
            )
            await tx.execute(
                "DELETE FROM google_mails WHERE connection_id = ? AND told_at < ?",
                connection.id,
                _now() - _KEPT_MS,
            )

    async def forget(self, connection_id: str) -> None:
        """Delete what is kept of a connection."""
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM google_mails WHERE connection_id = ?", connection_id)
            await tx.execute("DELETE FROM google_mailboxes WHERE connection_id = ?", connection_id)


def _now() -> int:
    return time.time_ns() // 1_000_000
