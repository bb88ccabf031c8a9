"""Invites: one-time tokens with which somebody joins an account that exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from rallypoint.errors import Forbidden
from rallypoint.identity.api import Principal, Role
from rallypoint.security.tokens import digest, new_secret
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id

TTL = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Invite:
    """A new invite; its token is not kept and cannot be shown again.

    Args:
        id: UUIDv7.
        token: To be passed as ``invite_token`` at registration.
        role: Of whoever uses it.
        expires_at: Milliseconds.
    """

    id: str
    token: str
    role: Role
    expires_at: int


class Invites:
    """Invites of all accounts.

    Args:
        database: Where they are kept.
        ttl: Seconds an invite holds.
    """

    def __init__(self, database: Database, *, ttl: float = TTL) -> None:
        self._database, self._ttl = database, ttl

    async def create(self, principal: Principal, role: Role) -> Invite:
        """Make an invite to the principal's account.

        Raises:
            Forbidden: The principal is no administrator, or works in the sandbox, where nobody registers.
        """
        if principal.role != "admin" or principal.mode != "live":
            raise Forbidden("Only an administrator of a live account may invite")
        at = clock.now()
        invite = Invite(new_id(), new_secret("rp_invite_"), role, at + round(self._ttl * 1000))
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT INTO invites (id, account_id, role, hash, created_by, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                invite.id,
                principal.account_id,
                role,
                digest(invite.token),
                principal.user_id,
                at,
                invite.expires_at,
            )
        return invite

    async def use(self, tx: Transaction, token: str) -> tuple[str, Role]:
        """Use an invite up and return the account and the role it gives.

        Raises:
            Forbidden: It is unknown, used or expired.
        """
        at = clock.now()
        rows = await tx.fetch(
            "UPDATE invites SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?"
            " RETURNING account_id, role",
            at,
            digest(token),
            at,
        )
        if not rows:
            raise Forbidden("The invite is not valid, has been used or has expired")
        return rows[0]["account_id"], cast(Role, rows[0]["role"])
