"""Turns credentials into principals, from memory where the database was asked less than five seconds ago."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import cast

from rallypoint.errors import Unauthorized
from rallypoint.identity.api import Mode, Principal, Role
from rallypoint.identity.api_keys import PREFIXES, ApiKeys
from rallypoint.identity.revocations import Revocations
from rallypoint.identity.users import refuse_left
from rallypoint.security.tokens import AccessTokens, digest
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row

CACHE_SECONDS = 4.0
CACHE_SIZE = 20_000

_API_KEY = re.compile(r"(?:rp_live_|test_sk_)[0-9A-Za-z]{40}")
_BY_SESSION = (
    "SELECT u.id AS user_id, u.number, u.account_id, u.role, u.is_operator, u.disabled_at, u.archived_at,"
    " s.revoked_at FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?"
)
_BY_KEY = (
    "SELECT k.id, k.mode, k.account_id, k.user_id, k.revoked_at, a.number, o.role, o.is_operator,"
    " o.disabled_at, o.archived_at FROM api_keys k JOIN users a ON a.id = k.user_id"
    " JOIN users o ON o.id = k.owner_id WHERE k.hash = ?"
)


class CachedAuthenticator:
    """The server's :class:`~rallypoint.identity.api.Authenticator`.

    An entry lives at most ``seconds`` and never past its token's expiry, so that what another process revokes
    ends here in time even when nobody tells; what this process revokes leaves the cache at once.

    Args:
        database: Where sessions and keys are.
        tokens: Reads access tokens.
        api_keys: Told of every use.
        revocations: Tells what ends.
        seconds: Life of an entry.
        size: Most entries; the oldest goes first.
    """

    def __init__(
        self,
        database: Database,
        tokens: AccessTokens,
        api_keys: ApiKeys,
        revocations: Revocations,
        *,
        seconds: float = CACHE_SECONDS,
        size: int = CACHE_SIZE,
    ) -> None:
        self._database, self._tokens, self._api_keys = database, tokens, api_keys
        self._revocations, self._seconds, self._size = revocations, seconds, size
        self._cache: dict[str, tuple[float, Principal]] = {}
        self._by_id: dict[str, str] = {}
        self._generation = 0
        revocations.subscribe(self._forget)

    async def authenticate(self, credential: str) -> Principal:
        """Return whom a token or key stands for.

        Args:
            credential: Access token or API key, without ``Bearer``.

        Raises:
            Unauthorized: It is malformed, tampered with, expired, revoked or unknown, or its user has left.
        """
        entry = self._cache.get(credential)
        if entry is not None and time.monotonic() < entry[0]:
            return entry[1]
        return await self._load(credential)

    def on_revoked(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(credential_id)`` whenever a credential is revoked."""
        self._revocations.subscribe(callback)

    async def _load(self, credential: str) -> Principal:
        while True:
            generation = self._generation
            principal = await self._find(credential)
            if generation == self._generation:  # else it may be what was revoked while we looked
                self._keep(credential, principal)
                return principal

    async def _find(self, credential: str) -> Principal:
        if credential.startswith(PREFIXES):
            return await self._by_key(credential)
        return await self._by_token(credential)

    async def _by_token(self, token: str) -> Principal:
        claims = self._tokens.read(token)
        row = await self._database.fetch_one(_BY_SESSION, claims.token_id)
        if row is None or (row["user_id"], row["account_id"]) != (claims.user_id, claims.account_id):
            raise Unauthorized("The session of this access token is unknown; sign in again")
        _admit(row, "The access token has been revoked; sign in again")
        return _principal(row, claims.token_id, claims.mode, claims.expires_at * 1000)

    async def _by_key(self, key: str) -> Principal:
        row = await self._database.fetch_one(_BY_KEY, digest(key)) if _API_KEY.fullmatch(key) else None
        if row is None:
            raise Unauthorized("The API key is unknown")
        _admit(row, "The API key has been revoked")
        self._api_keys.used(row["id"])
        return _principal(row, row["id"], cast(Mode, row["mode"]), None)

    def _keep(self, credential: str, principal: Principal) -> None:
        life = self._seconds
        if principal.expires_at is not None:
            life = min(life, (principal.expires_at - clock.now()) / 1000)
        self._drop(self._by_id.get(principal.credential_id))
        if len(self._cache) >= self._size:
            self._drop(next(iter(self._cache)))
        self._cache[credential] = (time.monotonic() + life, principal)
        self._by_id[principal.credential_id] = credential

    def _forget(self, credential_id: str) -> None:
        self._generation += 1
        self._drop(self._by_id.get(credential_id))

    def _drop(self, credential: str | None) -> None:
        entry = self._cache.pop(credential, None) if credential else None
        if entry is not None:
            del self._by_id[entry[1].credential_id]


def _admit(row: Row, revoked: str) -> None:
    if row["revoked_at"] is not None:
        raise Unauthorized(revoked)
    refuse_left(row["disabled_at"], row["archived_at"])


def _principal(row: Row, credential_id: str, mode: Mode, expires_at: int | None) -> Principal:
    return Principal(
        user_id=row["user_id"],
        user_number=row["number"],
        account_id=row["account_id"],
        role=cast(Role, row["role"]),
        mode=mode,
        credential_id=credential_id,
        expires_at=expires_at,
        is_operator=bool(row["is_operator"]) and mode == "live",
    )
