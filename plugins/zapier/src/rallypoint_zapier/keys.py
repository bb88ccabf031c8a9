"""Keys: one for each user, kept as a hash to find it by and encrypted to show it again."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from typing import Any

from rallypoint.domains.integrations.api import Viewer
from rallypoint.sdk import People, PluginContext, Principal, RateLimited, Row, Unauthorized
from rallypoint_zapier.settings import settings_of
from rallypoint_zapier.subscriptions import Subscriptions
from rallypoint_zapier.times import now

PREFIX = "czp_"
LENGTH = 40
_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(rf"{PREFIX}[A-Za-z0-9]{{{LENGTH}}}")
_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Key:
    """A user's key; ``created_at`` in milliseconds."""

    value: str
    user_number: int
    created_at: int


class Keys:
    """The keys of all users.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx, self._database, self._vault = ctx, ctx.kernel.database, ctx.kernel.vault
        self._subscriptions = ctx.once(Subscriptions)
        self._per_hour = settings_of(ctx).keys_per_hour

    def webhook_url(self, key: Key) -> str:
        """Return the address at which Zapier subscribes with a key."""
        return f"{self._ctx.public_url}/webhooks/zapier/user_{key.user_number}"

    async def find(self, viewer: Viewer) -> Key | None:
        """Return a user's key; None when there is none."""
        row = await self._database.fetch_one(_OF_USER, viewer.account_id, viewer.user_id)
        return None if row is None else self._key(row)

    async def generate(self, viewer: Viewer) -> Key:
        """Return a user's key, made now if there is none; many at once get the same one.

        Raises:
            RateLimited: Too many were made and revoked within the hour.
        """
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT INTO zapier_keys (account_id, user_id, mode, user_number, made, made_since)"
                " VALUES (?, ?, ?, ?, 0, 0) ON CONFLICT (account_id, user_id) DO NOTHING",
                viewer.account_id,
                viewer.user_id,
                viewer.mode,
                viewer.user_number,
            )
            row = await tx.lock(_OF_USER, viewer.account_id, viewer.user_id)
            assert row is not None
            key = self._key(row)
            if key is None:
                key = Key(_new_value(), row["user_number"], now())
                await tx.execute(_RENEW, *self._renewed(row, key), row["id"])
        return key

    async def revoke(self, viewer: Viewer) -> None:
        """Delete a user's key and all that was subscribed with it; harmless when there is none."""
        async with self._database.transaction() as tx:
            row = await tx.lock(_OF_USER, viewer.account_id, viewer.user_id)
            if row is not None:
                await self._subscriptions.remove_all(tx, viewer.account_id, viewer.user_id)
                await tx.execute(
                    "UPDATE zapier_keys SET key_hash = NULL, sealed = NULL, created_at = NULL WHERE id = ?",
                    row["id"],
                )

    async def identify(self, shown: str) -> Principal:
        """Return the user whose key was shown.

        Raises:
            Unauthorized: It is no key, it was revoked, or its user has left.
        """
        digest = _digest(shown)
        row = await self._database.fetch_one(f"{_SELECT} WHERE key_hash = ?", digest)
        if row is None or not _KEY.fullmatch(shown) or not hmac.compare_digest(row["key_hash"], digest):
            raise Unauthorized("The key is not valid")
        person = await self._ctx.service(People).find(row["account_id"], row["user_id"])
        if person is None:
            raise Unauthorized("The key is not valid")
        return Principal(
            user_id=row["user_id"],
            user_number=row["user_number"],
            account_id=row["account_id"],
            role=person.role,
            mode=row["mode"],
            credential_id=f"zapier:{row['id']}",
        )

    def _key(self, row: Row) -> Key | None:
        if row["sealed"] is None:
            return None
        return Key(self._vault.decrypt(row["sealed"]), row["user_number"], row["created_at"])

    def _renewed(self, row: Row, key: Key) -> tuple[Any, ...]:
        fresh = key.created_at - row["made_since"] >= _HOUR
        made, since = (0, key.created_at) if fresh else (row["made"], row["made_since"])
        if made >= self._per_hour:
            wait = max(1, (since + _HOUR - key.created_at) // 1000)
            raise RateLimited("Too many keys were made; try again later", retry_after=wait)
        return (_digest(key.value), self._vault.encrypt(key.value), key.created_at, made + 1, since)


_SELECT = (
    "SELECT id, account_id, user_id, mode, user_number, key_hash, sealed, created_at, made, made_since"
    " FROM zapier_keys"
)
_OF_USER = f"{_SELECT} WHERE account_id = ? AND user_id = ?"
_RENEW = (
    "UPDATE zapier_keys SET key_hash = ?, sealed = ?, created_at = ?, made = ?, made_since = ? WHERE id = ?"
)


def _new_value() -> str:
    return PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
