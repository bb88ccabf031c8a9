"""The sandbox twin of an account and of its user, made when first needed; they share no live data."""

from __future__ import annotations

from dataclasses import dataclass

from rallypoint.identity.users import User
from rallypoint.storage import clock
from rallypoint.storage.database import Row, Transaction
from rallypoint.storage.ids import new_id


@dataclass(frozen=True, slots=True)
class Twin:
    """Whom a sandbox key of a live user acts for."""

    account_id: str
    user_id: str


async def twin_of(tx: Transaction, user: User) -> Twin:
    """Return the twin of a live user, made now if there is none; two at once make one."""
    account_id = await _account(tx, user.account_id)
    row = await tx.fetch_one("SELECT id FROM users WHERE twin_of = ?", user.id)
    if row is None:
        await tx.execute(
            "INSERT INTO users (id, account_id, email, password_hash, role, full_name, display_name,"
            " is_operator, twin_of, created_at) VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (twin_of) DO NOTHING",
            new_id(),
            account_id,
            user.email,
            user.role,
            user.full_name,
            user.display_name,
            False,
            user.id,
            clock.now(),
        )
        row = await tx.fetch_one("SELECT id FROM users WHERE twin_of = ?", user.id)
    return Twin(account_id, _id(row))


async def _account(tx: Transaction, live_id: str) -> str:
    await tx.execute(
        "INSERT INTO accounts (id, name, mode, twin_of, created_at)"
        " SELECT ?, name, 'sandbox', id, ? FROM accounts WHERE id = ?"
        " ON CONFLICT (twin_of) DO NOTHING",
        new_id(),
        clock.now(),
        live_id,
    )
    return _id(await tx.fetch_one("SELECT id FROM accounts WHERE twin_of = ?", live_id))


def _id(row: Row | None) -> str:
    if row is None:
        raise LookupError("the live account of a sandbox twin is gone")
    return str(row["id"])
