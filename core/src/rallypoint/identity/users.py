"""Users as rows: how they are read, and who among them is let in."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from rallypoint.errors import Unauthorized
from rallypoint.identity.api import Role
from rallypoint.storage.database import Row, Transaction

_SELECT = (
    "SELECT number, id, account_id, email, password_hash, role, full_name, display_name, profile_photo_url,"
    " is_operator, created_at, disabled_at, archived_at FROM users"
)


class Reader(Protocol):
    """What reads rows: the database, or the transaction under way."""

    def fetch_one(self, sql: str, *args: Any) -> Awaitable[Row | None]:
        """Return the first row, or None."""
        ...


@dataclass(frozen=True, slots=True)
class User:
    """A user's row; times in milliseconds."""

    number: int
    id: str
    account_id: str
    email: str
    password_hash: str
    role: Role
    full_name: str | None
    display_name: str | None
    profile_photo_url: str | None
    is_operator: bool
    created_at: int
    disabled_at: int | None
    archived_at: int | None

    def admit(self) -> None:
        """Let the user pass.

        Raises:
            Unauthorized: The user has been disabled or archived.
        """
        refuse_left(self.disabled_at, self.archived_at)


def refuse_left(disabled_at: int | None, archived_at: int | None) -> None:
    """Refuse a user who has been disabled or archived.

    Raises:
        Unauthorized: One of the times is set.
    """
    if disabled_at is not None:
        raise Unauthorized("This user has been disabled; ask an administrator of the account")
    if archived_at is not None:
        raise Unauthorized("This user has been archived; ask an administrator of the account")


def email_key(email: str) -> str:
    """Return the form in which addresses are compared: every mail system in use ignores case."""
    return email.strip().lower()


async def user_by_id(reader: Reader, user_id: str) -> User | None:
    """Return the user with this UUID."""
    return _user(await reader.fetch_one(f"{_SELECT} WHERE id = ?", user_id))


async def lock_user(tx: Transaction, user_id: str) -> User | None:
    """Return the user with this UUID, held until the transaction ends."""
    return _user(await tx.lock(f"{_SELECT} WHERE id = ?", user_id))


async def user_by_email(reader: Reader, email: str) -> User | None:
    """Return the user who signs in with this address."""
    return _user(await reader.fetch_one(f"{_SELECT} WHERE email_key = ?", email_key(email)))


def _user(row: Row | None) -> User | None:
    if row is None:
        return None
    return User(**{**row, "role": cast(Role, row["role"]), "is_operator": bool(row["is_operator"])})
