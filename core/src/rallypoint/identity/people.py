"""Who stands behind a user's id: what other parts need to write to somebody, and nothing more."""

from __future__ import annotations

from typing import cast

from rallypoint.identity.api import Person, Role
from rallypoint.storage.database import Database

_PERSON = (
    "SELECT u.id, u.account_id, u.email, u.role, u.full_name, u.display_name, a.name AS account_name"
    " FROM users u JOIN accounts a ON a.id = u.account_id"
    " WHERE u.account_id = ? AND u.id = ? AND u.disabled_at IS NULL AND u.archived_at IS NULL"
)


class Directory:
    """Fulfils :class:`rallypoint.identity.api.People`.

    Args:
        database: Where users are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, account_id: str, user_id: str) -> Person | None:
        """Return a user of an account; None when there is none, or the user has left."""
        row = await self._database.fetch_one(_PERSON, account_id, user_id)
        if row is None:
            return None
        return Person(
            user_id=row["id"],
            account_id=row["account_id"],
            email=row["email"],
            name=row["display_name"] or row["full_name"] or "",
            role=cast(Role, row["role"]),
            account_name=row["account_name"],
        )

    async def account_name(self, account_id: str) -> str:
        """Return the name of an account; empty when there is none."""
        row = await self._database.fetch_one("SELECT name FROM accounts WHERE id = ?", account_id)
        return "" if row is None else str(row["name"])
