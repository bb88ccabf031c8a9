"""The SQL of connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rallypoint.connections import timeline
from rallypoint.connections.api import Identity, Owner
from rallypoint.identity.api import Mode
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id

_TEXT_LIMITS = {"label": 200, "email": 254, "external_id": 200, "reason": 300}


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What a user gave us for a service.

    Args:
        kind: A key, or tokens.
        sealed: Encrypted; empty in the sandbox.
        identity: Whose account it is at the provider.
        scopes: Granted.
        expires_at: Of the access token (ms); None when it does not end.
    """

    kind: Literal["api_key", "oauth2"]
    sealed: str
    identity: Identity
    scopes: tuple[str, ...] = ()
    expires_at: int | None = None


async def of_user(tx: Transaction, owner: Owner, service: str) -> Row | None:
    """Return a user's connection to a service, held until the transaction ends."""
    return await tx.lock(
        "SELECT * FROM connections WHERE account_id = ? AND user_id = ? AND service = ?",
        owner.account_id,
        owner.user_id,
        service,
    )


async def save(tx: Transaction, owner: Owner, service: str, grant: Grant) -> Row:
    """Create a user's connection or give it a new credential, and return it connected."""
    at, who = clock.now(), grant.identity
    rows = await tx.fetch(
        "INSERT INTO connections (id, account_id, user_id, mode, service, kind, state, label, email,"
        " external_id, scopes, reason, credential, version, renewals, expires_at, seq, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'connected', ?, ?, ?, ?, '', ?, 1, 0, ?, 0, ?, ?)"
        " ON CONFLICT (account_id, user_id, service) DO UPDATE SET state = 'connected', kind = excluded.kind,"
        " label = excluded.label, email = excluded.email, external_id = excluded.external_id,"
        " scopes = excluded.scopes, reason = '', credential = excluded.credential,"
        " version = connections.version + 1, renewals = connections.renewals + 1,"
        " expires_at = excluded.expires_at, updated_at = excluded.updated_at RETURNING *",
        new_id(),
        owner.account_id,
        owner.user_id,
        owner.mode,
        service,
        grant.kind,
        _text("label", who.label),
        email_key(who.email),
        external_id(who),
        " ".join(grant.scopes),
        grant.sealed,
        grant.expires_at,
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
        _text("reason", reason),
        clock.now(),
        connection_id,
        version,
    )


async def renew(
    tx: Transaction, connection_id: str, version: int, renewals: int, sealed: str, expires_at: int | None
) -> Row | None:
    """Keep refreshed tokens, unless others were kept since ``version`` and ``renewals`` were read: then None."""
    return await tx.fetch_one(
        "UPDATE connections SET credential = ?, renewals = renewals + 1, expires_at = ?"
        " WHERE id = ? AND version = ? AND renewals = ? RETURNING *",
        sealed,
        expires_at,
        connection_id,
        version,
        renewals,
    )


async def mend(tx: Transaction, connection_id: str) -> None:
    """Move a connection back to ``connected``: its tokens were refreshed after all."""
    await tx.execute(
        "UPDATE connections SET state = 'connected', reason = '', updated_at = ? WHERE id = ?",
        clock.now(),
        connection_id,
    )


async def next_seq(tx: Transaction, connection_id: str) -> Row:
    """Raise the counter of a connection's events and return the connection."""
    rows = await tx.fetch("UPDATE connections SET seq = seq + 1 WHERE id = ? RETURNING *", connection_id)
    return rows[0]


async def remove(tx: Transaction, connection_id: str) -> None:
    """Delete a connection, its past, and what its plugin kept for it."""
    await tx.execute("DELETE FROM stored_values WHERE connection_id = ?", connection_id)
    await timeline.forget(tx, connection_id)
    await tx.execute("DELETE FROM leases WHERE name = ?", lease_name(connection_id))
    await tx.execute("DELETE FROM connections WHERE id = ?", connection_id)


async def by_email(database: Database, account_id: str, mode: Mode, service: str, email: str) -> Row | None:
    """Return the account's connection to a service whose provider says that ``email`` is its address.

    Of several, one that works, and of those the latest.
    """
    return await database.fetch_one(
        "SELECT * FROM connections WHERE account_id = ? AND email = ? AND mode = ? AND service = ?"
        " ORDER BY CASE WHEN state = 'connected' THEN 0 ELSE 1 END, updated_at DESC LIMIT 1",
        account_id,
        email_key(email),
        mode,
        service,
    )


def lease_name(connection_id: str) -> str:
    """Return the name of the lease under which a connection's tokens are refreshed."""
    return f"oauth/{connection_id}"


def external_id(who: Identity) -> str:
    """Return by what a provider's account is known: its id, or else its address."""
    return _text("external_id", who.external_id or email_key(who.email))


def email_key(email: str) -> str:
    """Return an address in the form by which it is found."""
    return _text("email", email.strip().lower())


def _text(column: str, value: str) -> str:
    return value.replace("\x00", "")[: _TEXT_LIMITS[column]]


OF_OWNER = "SELECT * FROM connections WHERE account_id = ? AND user_id = ? ORDER BY service LIMIT 200"
BY_ID = "SELECT * FROM connections WHERE id = ?"
OF_SERVICE = "SELECT * FROM connections WHERE service = ? AND id > ? ORDER BY id LIMIT ?"
