"""Tells providers that a grant is over: at once, and again for a week while they cannot be told."""

from __future__ import annotations

import asyncio

import structlog

from rallypoint.connections.services import ConsentService, Services
from rallypoint.connections.tokens import Tokens
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater
from rallypoint.security.vault import Vault, VaultError
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id

SWEEP_SECONDS = 60.0
LIFETIME = 7 * clock.DAY
AT_ONCE_SECONDS = 5.0
"""Seconds that a user who disconnects waits for the provider at most."""
_FIRST, _LONGEST = clock.MINUTE, clock.HOUR
_BATCH = 100
_INSERT = (
    "INSERT INTO oauth_revocations (id, service, external_id, credential, attempts, next_at, created_at)"
    " VALUES (?, ?, ?, ?, 0, ?, ?)"
)
_SHARED = (
    "SELECT 1 FROM connections WHERE external_id = ? AND id <> ? AND mode = 'live' AND state = 'connected'"
    " AND service IN ({marks}) LIMIT 1"
)
FOR_ACCOUNT = (
    "INSERT INTO oauth_revocations (id, service, external_id, credential, attempts, next_at, created_at)"
    " SELECT id, service, external_id, credential, 0, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM connections"
    " WHERE account_id = ? AND kind = 'oauth2' AND credential <> '' ON CONFLICT (id) DO NOTHING"
)
"""Keeps what an account that is erased leaves to be revoked; takes when it is due, the present, and the account.

Due some time later: by then none of its connections is left that would seem to live on the same grant.
"""
_log = structlog.stdlib.get_logger("rallypoint.connections")


class Revocations:
    """Grants that providers are still to be told the end of; the rows are the work.

    Args:
        database: Where they are.
        vault: Unseals tokens.
        services: Whose providers they are.
    """

    def __init__(self, database: Database, vault: Vault, services: Services) -> None:
        self._database, self._vault, self._services = database, vault, services

    async def add(self, tx: Transaction, row: Row) -> str | None:
        """Keep a connection's tokens until its provider has been told; returns the new row's id.

        None for what no provider can be told: keys, the sandbox, and services without a ``revoke_url``.
        """
        known = self._services.known.get(row["service"])
        tellable = known is None or (isinstance(known, ConsentService) and known.declared.revoke_url)
        if row["kind"] != "oauth2" or not row["credential"] or not tellable:
            return None
        revocation_id, at = new_id(), clock.now()
        await tx.execute(
            _INSERT, revocation_id, row["service"], row["external_id"], row["credential"], at + _FIRST, at
        )
        return revocation_id

    async def at_once(self, revocation_id: str) -> None:
        """Tell the provider now, if it answers soon; else the sweep does."""
        row = await self._database.fetch_one("SELECT * FROM oauth_revocations WHERE id = ?", revocation_id)
        if row is not None:
            try:
                async with asyncio.timeout(AT_ONCE_SECONDS):
                    await self._tell(row)
            except TimeoutError:
                _log.info("a provider is told of the end of a grant later", service=row["service"])

    async def sweep(self) -> None:
        """Tell providers what is due, and forget what nobody could be told for a week."""
        at = clock.now()
        async with self._database.transaction() as tx:
            old = "DELETE FROM oauth_revocations WHERE created_at < ? RETURNING service"
            for row in await tx.fetch(old, at - LIFETIME):
                _log.warning("a provider could not be told of the end of a grant", service=row["service"])
        due = "SELECT * FROM oauth_revocations WHERE next_at <= ? ORDER BY next_at LIMIT ?"
        for row in await self._database.fetch(due, at, _BATCH):
            await self._tell(row)

    async def _tell(self, row: Row) -> None:
        known = self._services.known.get(row["service"])
        if known is None:
            await self._later(row)  # its plugin may be back
            return
        try:
            if isinstance(known, ConsentService) and not await self._is_shared(known, row):
                await self._revoke(known, row)
        except RetryLater:
            await self._later(row)
        except (NeedsReauth, PermanentFailure, VaultError, ValueError) as error:
            _log.info("a provider does not take back a grant", service=row["service"], reason=str(error))
            await self._done(row)
        else:
            await self._done(row)

    async def _revoke(self, known: ConsentService, row: Row) -> None:
        if known.declared.revoke_url:
            tokens = Tokens.unpack(self._vault.decrypt(row["credential"]))
            await known.endpoint.revoke(tokens.refresh or tokens.access)

    async def _is_shared(self, known: ConsentService, row: Row) -> bool:
        """Tell whether another connection lives on the same grant, which some providers end as a whole."""
        if not row["external_id"]:
            return False
        services = [
            name
            for name, other in self._services.known.items()
            if isinstance(other, ConsentService)
            if other.declared.client_id == known.declared.client_id
            if other.declared.revoke_url == known.declared.revoke_url
        ]
        sql = _SHARED.format(marks=", ".join("?" * len(services)))
        return await self._database.fetch_one(sql, row["external_id"], row["id"], *services) is not None

    async def _later(self, row: Row) -> None:
        wait = min(_LONGEST, _FIRST * 2 ** min(row["attempts"], 10))
        async with self._database.transaction() as tx:
            await tx.execute(
                "UPDATE oauth_revocations SET attempts = attempts + 1, next_at = ? WHERE id = ?",
                clock.now() + wait,
                row["id"],
            )

    async def _done(self, row: Row) -> None:
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM oauth_revocations WHERE id = ?", row["id"])
