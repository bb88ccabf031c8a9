"""Personal API keys: long-lived credentials of a user, live or for the sandbox twin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from rallypoint.errors import Conflict, NotFound, Unauthorized
from rallypoint.identity.api import Mode, Principal
from rallypoint.identity.revocations import Revocations
from rallypoint.identity.sandbox import Twin, twin_of
from rallypoint.identity.users import User, lock_user
from rallypoint.security.tokens import digest, new_secret
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import is_id, new_id

LIVE_PREFIX, SANDBOX_PREFIX = "rp_live_", "test_sk_"
PREFIXES = (LIVE_PREFIX, SANDBOX_PREFIX)
MAX_KEYS = 100
_SHOWN = 12

_SELECT = (
    "SELECT k.id, k.account_id, u.number AS user_number, k.mode, k.label, k.prefix, k.created_at,"
    " k.last_used_at FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.revoked_at IS NULL AND "
)
_REVOKE = "UPDATE api_keys AS k SET revoked_at = ? WHERE k.id = ? AND k.revoked_at IS NULL AND "


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner sees it; the key itself is not kept.

    Args:
        id: UUIDv7, by which it is revoked.
        account_id: It acts in; a sandbox key's is the twin's.
        user_number: Of whom it acts for, likewise.
        mode: Live or sandbox.
        label: The owner's name for it.
        prefix: The first characters of the key, to recognise it by.
        created_at: Milliseconds.
        last_used_at: Milliseconds, to within a minute; None before its first use.
    """

    id: str
    account_id: str
    user_number: int
    mode: Mode
    label: str
    prefix: str
    created_at: int
    last_used_at: int | None


class ApiKeys:
    """Keys of all users; every look-up is scoped to the principal that asks.

    A live credential sees all keys of its user; a sandbox key sees those of its twin alone.

    Args:
        database: Where their digests are kept.
        revocations: Told when keys end.
    """

    def __init__(self, database: Database, revocations: Revocations) -> None:
        self._database, self._revocations = database, revocations
        self._used: dict[str, int] = {}

    async def create(self, principal: Principal, label: str, *, sandbox: bool) -> tuple[ApiKey, str]:
        """Make a key and return it with its value, which cannot be shown again.

        A sandbox credential makes sandbox keys whatever it asks for: it must never lead to live data.

        Raises:
            Conflict: The user has as many keys as one may have.
        """
        mode: Mode = "sandbox" if sandbox or principal.mode == "sandbox" else "live"
        value = new_secret(SANDBOX_PREFIX if mode == "sandbox" else LIVE_PREFIX)
        async with self._database.transaction() as tx:
            owner = await _owner(tx, principal)
            await _check_room(tx, owner.id)
            key_id = await _insert(tx, owner, mode, label, value)
            row = await tx.fetch_one(f"{_SELECT} k.id = ?", key_id)
        return _key(cast(Row, row)), value

    async def all(self, principal: Principal) -> list[ApiKey]:
        """Return the principal's keys, oldest first."""
        clause, user_id = _scope(principal)
        rows = await self._database.fetch(f"{_SELECT} {clause} ORDER BY k.id LIMIT ?", user_id, MAX_KEYS)
        return [_key(row) for row in rows]

    async def get(self, principal: Principal, key_id: str) -> ApiKey:
        """Return one of the principal's keys.

        Raises:
            NotFound: No such key, or not theirs.
        """
        clause, user_id = _scope(principal)
        sql = f"{_SELECT} k.id = ? AND {clause}"
        row = await self._database.fetch_one(sql, key_id, user_id) if is_id(key_id) else None
        if row is None:
            raise NotFound("No such API key")
        return _key(row)

    async def revoke(self, principal: Principal, key_id: str) -> None:
        """End a key at once.

        Raises:
            NotFound: No such key, or not theirs.
        """
        clause, user_id = _scope(principal)
        async with self._database.transaction() as tx:
            changed = is_id(key_id) and await tx.execute(
                f"{_REVOKE} {clause}",
                clock.now(),
                key_id,
                user_id,
            )
            if not changed:
                raise NotFound("No such API key")
            self._revocations.after_commit(tx, [key_id])

    def used(self, key_id: str) -> None:
        """Note that a key was used just now; :meth:`flush` writes it down."""
        self._used[key_id] = clock.now()

    async def flush(self) -> None:
        """Write down when keys were last used, all that were since the last call in one transaction."""
        used, self._used = self._used, {}
        if not used:
            return
        async with self._database.transaction() as tx:
            await tx.execute_many(
                "UPDATE api_keys SET last_used_at = ? WHERE id = ?",
                [(at, key) for key, at in sorted(used.items())],
            )


def _scope(principal: Principal) -> tuple[str, str]:
    column = "owner_id" if principal.mode == "live" else "user_id"
    return f"k.{column} = ?", principal.user_id


async def _owner(tx: Transaction, principal: Principal) -> User:
    """Return the live user, held: who counts keys must not be overtaken by another who does."""
    owner_id = principal.user_id
    if principal.mode != "live":
        row = await tx.fetch_one("SELECT twin_of FROM users WHERE id = ?", owner_id)
        owner_id = str(row["twin_of"]) if row else owner_id
    owner = await lock_user(tx, owner_id)
    if owner is None:
        raise Unauthorized("The user of this credential is gone")
    return owner


async def _check_room(tx: Transaction, owner_id: str) -> None:
    row = await tx.fetch_one(
        "SELECT count(*) AS n FROM api_keys WHERE owner_id = ? AND revoked_at IS NULL", owner_id
    )
    if row is not None and row["n"] >= MAX_KEYS:
        raise Conflict(f"A user may have {MAX_KEYS} API keys; delete one first")


async def _insert(tx: Transaction, owner: User, mode: Mode, label: str, value: str) -> str:
    actor = await twin_of(tx, owner) if mode == "sandbox" else Twin(owner.account_id, owner.id)
    key_id = new_id()
    await tx.execute(
        "INSERT INTO api_keys (id, account_id, user_id, owner_id, mode, label, prefix, hash, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key_id,
        actor.account_id,
        actor.user_id,
        owner.id,
        mode,
        label,
        value[:_SHOWN],
        digest(value),
        clock.now(),
    )
    return key_id


def _key(row: Row) -> ApiKey:
    values: dict[str, Any] = dict(row)
    return ApiKey(**values)
