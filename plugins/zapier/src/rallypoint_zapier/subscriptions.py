"""Subscriptions: each a hook of Zapier's, sent to through a webhook target of the core."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from rallypoint.sdk import (
    Conflict,
    NotFound,
    PluginContext,
    Principal,
    TargetInfo,
    Transaction,
    ValidationFailed,
)
from rallypoint_zapier.settings import settings_of
from rallypoint_zapier.times import now

KIND = "zapier.hook"
KEY_HEADER = "X-Callnfy-Key"


class Subscriptions:
    """The subscriptions of all keys.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._database, self._targets, self._vault = (
            ctx.kernel.database,
            ctx.kernel.targets,
            ctx.kernel.vault,
        )
        self._most = settings_of(ctx).max_subscriptions

    async def add(self, caller: Principal, hook_url: str, event: str) -> str:
        """Send ``event`` to a URL from now on and return the subscription's id; twice the same is one.

        Raises:
            ValidationFailed: The URL cannot be a target.
            Conflict: The key has as many as it may have (``TOO_MANY_SUBSCRIPTIONS``).
            NotFound: The key was revoked meanwhile.
        """
        digest = hashlib.sha256(hook_url.encode()).hexdigest()
        owner = (caller.account_id, caller.user_id)
        async with self._database.transaction() as tx:
            await self._hold(tx, caller)
            same = f"{_OF_USER} AND event = ? AND url_hash = ?"
            if (row := await tx.fetch_one(same, *owner, event, digest)) is not None:
                return str(row["id"])
            await self._check_room(tx, caller)
            id_ = await self._make_target(tx, caller, hook_url, event)
            await tx.execute(_INSERT, id_, *owner, event, digest, now())
        return id_

    async def remove(self, caller: Principal, subscription_id: str) -> None:
        """End a subscription.

        Raises:
            NotFound: The key has none such.
        """
        async with self._database.transaction() as tx:
            gone = await tx.execute(
                "DELETE FROM zapier_subscriptions WHERE id = ? AND account_id = ? AND user_id = ?",
                subscription_id,
                caller.account_id,
                caller.user_id,
            )
            if not gone:
                raise NotFound("There is no such subscription")
            await self._targets.remove(tx, subscription_id)

    async def remove_all(self, tx: Transaction, account_id: str, user_id: str) -> None:
        """End all subscriptions of a user: nothing that is queued for them is sent any more."""
        rows = await tx.fetch(f"{_OF_USER} ORDER BY id", account_id, user_id)
        await tx.execute(
            "DELETE FROM zapier_subscriptions WHERE account_id = ? AND user_id = ?", account_id, user_id
        )
        await self._targets.remove(tx, *(row["id"] for row in rows))

    async def drop(self, target_id: str) -> None:
        """Forget a subscription whose target was switched off: Zapier answered 410, or nothing for days."""
        async with self._database.transaction() as tx:
            if await tx.execute("DELETE FROM zapier_subscriptions WHERE id = ?", target_id):
                await self._targets.remove(tx, target_id)

    async def count(self, account_id: str, user_id: str) -> int:
        """Return how many a user has."""
        row = await self._database.fetch_one(_COUNT, account_id, user_id)
        return 0 if row is None else int(row["number"])

    async def headers(self, targets: Sequence[TargetInfo]) -> Mapping[str, Mapping[str, str]]:
        """Return the keys that deliveries carry; a subscription without one gets nothing."""
        marks = ", ".join("?" * len(targets))
        rows = await self._database.fetch(
            "SELECT s.id, k.sealed FROM zapier_subscriptions s JOIN zapier_keys k"  # noqa: S608 - question marks alone
            f" ON k.account_id = s.account_id AND k.user_id = s.user_id WHERE s.id IN ({marks})",
            *(target.id for target in targets),
        )
        return {
            row["id"]: {KEY_HEADER: self._vault.decrypt(row["sealed"])}
            for row in rows
            if row["sealed"] is not None
        }

    @staticmethod
    async def _hold(tx: Transaction, caller: Principal) -> None:
        """Hold the key, so that revoking it waits, or has happened."""
        row = await tx.lock(
            "SELECT key_hash FROM zapier_keys WHERE account_id = ? AND user_id = ?",
            caller.account_id,
            caller.user_id,
        )
        if row is None or row["key_hash"] is None:
            raise NotFound("The key was revoked")

    async def _check_room(self, tx: Transaction, caller: Principal) -> None:
        row = await tx.fetch_one(_COUNT, caller.account_id, caller.user_id)
        if row is not None and row["number"] >= self._most:
            message = f"A key may have {self._most} subscriptions"
            raise Conflict(message, code="TOO_MANY_SUBSCRIPTIONS")

    async def _make_target(self, tx: Transaction, caller: Principal, hook_url: str, event: str) -> str:
        try:
            target = await self._targets.create(
                tx,
                account_id=caller.account_id,
                mode=caller.mode,
                owner_id=caller.user_id,
                kind=KIND,
                subject=f"account:{caller.account_id}",
                url=hook_url,
                events=[event],
            )
        except ValidationFailed as error:
            reasons = [reason for reasons in error.fields.values() for reason in reasons]
            raise ValidationFailed({"hookUrl": reasons}) from None
        return target.id


_OF_USER = "SELECT id FROM zapier_subscriptions WHERE account_id = ? AND user_id = ?"
_COUNT = "SELECT COUNT(*) AS number FROM zapier_subscriptions WHERE account_id = ? AND user_id = ?"
_INSERT = (
    "INSERT INTO zapier_subscriptions (id, account_id, user_id, event, url_hash, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
