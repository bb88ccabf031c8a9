"""The SQL of connections."""

from __future__ import annotations

from rallypoint.connections.api import Owner
from rallypoint.storage import clock
from rallypoint.storage.database import Row, Transaction
from rallypoint.storage.ids import new_id

_TEXT_LIMITS = {"label": 200, "reason": 300}


async def of_user(tx: Transaction, owner: Owner, service: str) -> Row | None:
    """Return a user's connection to a service, held until the transaction ends."""
    return await tx.lock(
        "SELECT * FROM connections WHERE account_id = ? AND user_id = ? AND service = ?",
        owner.account_id,
        owner.user_id,
        service,
    )


async def save(tx: Transaction, owner: Owner, service: str, credential: str, label: str) -> Row:
    """Create a user's connection or give it a new credential, and return it connected."""
    at = clock.now()
    rows = await tx.fetch(
        "INSERT INTO connections (id, account_id, user_id, mode, service, state, label, reason, credential,"
        " version, seq, created_at, updated_at) VALUES (?, ?, ?, ?, ?, 'connected', ?, '', ?, 1, 0, ?, ?)"
        " ON CONFLICT (account_id, user_id, service) DO UPDATE SET state = 'connected',"
        " label = excluded.label, reason = '', credential = excluded.credential,"
        " version = connections.version + 1, updated_at = excluded.updated_at RETURNING *",
        new_id(),
        owner.account_id,
        owner.user_id,
        owner.mode,
        service,
        label.replace("\x00", "")[: _TEXT_LIMITS["label"]],
        credential,
        at,
        at,
    )
    return rows[0]


async def refuse(tx: Transaction, connection_id: str, version: int, reason: str) -> Row | None:
    """Move a connected connection to ``needs_reauth``.

    Returns:
        None when it is there already or has a newer credential.
    """
    return await tx.fetch_one(
        "UPDATE connections SET state = 'needs_reauth', reason = ?, updated_at = ?"
        " WHERE id = ? AND version = ? AND state = 'connected' RETURNING *",
        reason[: _TEXT_LIMITS["reason"]],
        clock.now(),
        connection_id,
        version,
    )


async def next_seq(tx: Transaction, connection_id: str) -> Row:
    """Raise the counter of a connection's events and return the connection."""
    rows = await tx.fetch("UPDATE connections SET seq = seq + 1 WHERE id = ? RETURNING *", connection_id)
    return rows[0]


async def remove(tx: Transaction, connection_id: str) -> None:
    """Delete a connection and what its plugin kept for it."""
    await tx.execute("DELETE FROM stored_values WHERE connection_id = ?", connection_id)
    await tx.execute("DELETE FROM connections WHERE id = ?", connection_id)


OF_OWNER = "SELECT * FROM connections WHERE account_id = ? AND user_id = ? ORDER BY service LIMIT 200"
BY_ID = "SELECT * FROM connections WHERE id = ?"
OF_SERVICE = "SELECT * FROM connections WHERE service = ? AND id > ? ORDER BY id LIMIT ?"
