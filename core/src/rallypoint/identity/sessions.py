"""Signing in, renewing, signing out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rallypoint.errors import BadRequest, Unauthorized
from rallypoint.identity.api import Principal
from rallypoint.identity.revocations import Revocations
from rallypoint.identity.users import User, email_key, lock_user, user_by_email, user_by_id
from rallypoint.security.passwords import Passwords
from rallypoint.security.tokens import AccessClaims, AccessTokens, digest, new_secret
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id

ACCESS_TTL = 3600.0
RENEW_TTL = 30 * 86400.0
RENEW_PREFIX = "rp_renew_"

# Two tabs, or a retry after a lost reply, use one renew token twice within moments; a thief comes later.
_REUSE_LEEWAY = 30 * clock.SECOND

_END_FAMILY = "UPDATE sessions SET revoked_at = ? WHERE family = ? AND revoked_at IS NULL RETURNING id"
_END_USER = "UPDATE sessions SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL RETURNING id"

Limit = Callable[[str, str], Awaitable[None]]
"""``await limit(name, key)`` counts one use of the limit called ``name``, or raises ``RateLimited``."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user and the tokens just issued to them."""

    user: User
    token: str
    renew_token: str


class Sessions:
    """Sessions of live users.

    Args:
        database: Where they are kept.
        tokens: Signs the access tokens.
        passwords: Checks them.
        revocations: Told when sessions end.
        limit: Counts sign-ins for each address, under the name ``login``.
        access_ttl: Seconds an access token lives.
        renew_ttl: Seconds a renew token lives.
    """

    def __init__(
        self,
        database: Database,
        tokens: AccessTokens,
        passwords: Passwords,
        revocations: Revocations,
        limit: Limit,
        *,
        access_ttl: float = ACCESS_TTL,
        renew_ttl: float = RENEW_TTL,
    ) -> None:
        self._database, self._tokens, self._passwords = database, tokens, passwords
        self._revocations, self._limit = revocations, limit
        self._access_ttl, self._renew_ttl = access_ttl, renew_ttl

    async def login(self, email: str, password: str) -> SignedIn:
        """Sign in with address and password.

        Raises:
            Unauthorized: They do not fit, or the user has been disabled.
            RateLimited: Too many tries for this address.
            Unavailable: Too many sign-ins at once on this server.
        """
        await self._limit("login", email_key(email))
        user = await user_by_email(self._database, email)
        fits = await self._passwords.check(password, user.password_hash if user else None)
        if user is None or not fits:
            raise Unauthorized("Invalid email or password")
        async with self._database.transaction() as tx:
            present = await lock_user(tx, user.id)
            if present is None or present.password_hash != user.password_hash:  # changed during the check
                raise Unauthorized("Invalid email or password")
            present.admit()
            return await self.open(tx, present)

    async def open(self, tx: Transaction, user: User, family: str | None = None) -> SignedIn:
        """Issue tokens for ``user``; ``family`` is the sign-in they go back to, a new one when left out."""
        at = clock.now()
        token_id, renew_token = new_id(), new_secret(RENEW_PREFIX)
        await tx.execute(
            "INSERT INTO sessions (id, family, user_id, renew_hash, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            token_id,
            family or token_id,
            user.id,
            digest(renew_token),
            at,
            at + round(self._renew_ttl * 1000),
        )
        return SignedIn(user, self._tokens.issue(self._claims(user, token_id, at)), renew_token)

    def _claims(self, user: User, token_id: str, at: int) -> AccessClaims:
        issued = at // 1000
        return AccessClaims(
            token_id=token_id,
            user_id=user.id,
            account_id=user.account_id,
            role=user.role,
            mode="live",
            issued_at=issued,
            expires_at=issued + round(self._access_ttl),
        )

    async def renew(self, renew_token: str) -> SignedIn:
        """Trade a renew token, which holds once, for new tokens; the access token it came with lives on.

        A token that comes back later than a retry would has been copied: the whole sign-in then ends
        (RFC 9700 §4.14.2).

        Raises:
            Unauthorized: It is unknown, used, expired or revoked, or the user has been disabled.
        """
        async with self._database.transaction() as tx:
            renewed = await self._renew(tx, digest(renew_token))
            if renewed is None:
                await self._end_if_stolen(tx, digest(renew_token))
        if renewed is None:
            raise Unauthorized("The renew token is not valid, or has been used already; sign in again")
        return renewed

    async def _renew(self, tx: Transaction, renew_hash: str) -> SignedIn | None:
        at = clock.now()
        rows = await tx.fetch(
            "UPDATE sessions SET renewed_at = ? WHERE renew_hash = ? AND renewed_at IS NULL"
            " AND revoked_at IS NULL AND expires_at > ? RETURNING family, user_id",
            at,
            renew_hash,
            at,
        )
        user = await user_by_id(tx, rows[0]["user_id"]) if rows else None
        if user is None:
            return None
        user.admit()
        return await self.open(tx, user, rows[0]["family"])

    async def _end_if_stolen(self, tx: Transaction, renew_hash: str) -> None:
        row = await tx.fetch_one(
            "SELECT family FROM sessions WHERE renew_hash = ? AND renewed_at < ?",
            renew_hash,
            clock.now() - _REUSE_LEEWAY,
        )
        if row is not None:
            await self._end(tx, _END_FAMILY, row["family"])

    async def close(self, principal: Principal) -> None:
        """Sign out: every token of the principal's sign-in ends.

        Raises:
            BadRequest: The principal came with an API key.
        """
        if principal.expires_at is None:
            raise BadRequest("An API key has no session; delete it at /api/personal_api_keys/{id}")
        async with self._database.transaction() as tx:
            row = await tx.fetch_one("SELECT family FROM sessions WHERE id = ?", principal.credential_id)
            if row is not None:
                await self._end(tx, _END_FAMILY, row["family"])

    async def end_all(self, tx: Transaction, user_id: str) -> None:
        """End every session of a user."""
        await self._end(tx, _END_USER, user_id)

    async def _end(self, tx: Transaction, statement: str, value: str) -> None:
        # Again until nothing is left: on PostgreSQL the first pass may have waited for a renewal, whose new
        # row only the next statement sees.
        while rows := await tx.fetch(statement, clock.now(), value):
            self._revocations.after_commit(tx, (row["id"] for row in rows))

    async def prune(self) -> int:
        """Forget sessions whose renew token has expired, and return how many; run it now and then."""
        async with self._database.transaction() as tx:
            return await tx.execute("DELETE FROM sessions WHERE expires_at < ?", clock.now() - clock.DAY)
