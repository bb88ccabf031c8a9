"""Keeps the tokens of connections fresh: one request for each, over all processes, and nothing of it lost.

A refresh token may be good for one use alone (RFC 9700 §4.14.2), so two refreshes at once would end the connection.
Within a process one task refreshes and all wait for it; between processes a lease decides, and whoever gets it reads
the row again before asking.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from rallypoint.connections import records, timeline
from rallypoint.connections.tokens import GrantDead, TokenEndpoint, Tokens
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater
from rallypoint.security.vault import Vault, VaultError
from rallypoint.storage import clock
from rallypoint.storage.database import Database, DatabaseAway, Row, Transaction
from rallypoint.storage.leases import Lease, Leases

LEASE_SECONDS = 45.0
"""Longer than a token request may take; a holder that dies holds the others up for so long."""
GRACE_SECONDS = 20.0
"""Seconds that a process which stops waits for the requests under way."""
PATIENCE = 30.0
"""Seconds that a call waits for another process's refresh."""
_MARGIN_MS, _SPREAD_MS = clock.MINUTE, 4 * clock.MINUTE
_SAVE_DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
_log = structlog.stdlib.get_logger("rallypoint.connections")


@dataclass(frozen=True, slots=True)
class Held:
    """The tokens of a connection as one reader last saw them.

    Args:
        connection_id: Whose.
        service: Declared.
        version: Of the credential: a connection made anew has another.
        renewals: How often they were refreshed.
        tokens: Unsealed.
    """

    connection_id: str
    service: str
    version: int
    renewals: int
    tokens: Tokens

    @property
    def expired(self) -> bool:
        """Whether the access token is over."""
        return self.tokens.expires_at is not None and self.tokens.expires_at <= clock.now()

    @property
    def due(self) -> bool:
        """Whether it is time for fresh ones: one to five minutes before the end, each connection at its own.

        Of short-lived tokens a fifth of their life at most.
        """
        expires_at = self.tokens.expires_at
        if expires_at is None:
            return False
        spread = zlib.crc32(self.connection_id.encode()) % _SPREAD_MS
        return clock.now() >= expires_at - min(_MARGIN_MS + spread, self.tokens.lifetime // 5)


class Keeper:
    """Refreshes tokens; one of each process.

    Args:
        database: Where the rows are.
        vault: Unseals and seals them.
        leases: Decide which process asks.
        endpoint_of: Returns a service's token endpoint; None when its plugin is not loaded.
        refused: Gives up the credential of that version of a connection, for a reason, and tells its owner.
        mended: Called with the id of a connection that was given up and has been refreshed after all, in the
            transaction that says so.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        leases: Leases,
        endpoint_of: Callable[[str], TokenEndpoint | None],
        refused: Callable[[str, int, str], Awaitable[object]],
        mended: Callable[[Transaction, str], Awaitable[object]],
    ) -> None:
        self._database, self._vault, self._leases = database, vault, leases
        self._endpoint_of, self._refused, self._mended = endpoint_of, refused, mended
        self._running: dict[str, asyncio.Task[Held]] = {}

    async def close(self) -> None:
        """Wait for the refreshes under way, a while: what they bring cannot be had again."""
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=GRACE_SECONDS)

    def unseal(self, row: Row) -> Held:
        """Return the tokens of a row.

        Raises:
            NeedsReauth: They cannot be read any more.
        """
        try:
            tokens = Tokens.unpack(self._vault.decrypt(row["credential"]))
        except (VaultError, ValueError):
            raise NeedsReauth("the stored credential cannot be read any more") from None
        return Held(row["id"], row["service"], row["version"], row["renewals"], tokens)

    async def fresh(self, held: Held, *, refused: bool = False) -> Held:
        """Return tokens to call with: ``held``, or fresher ones.

        Args:
            held: What the caller has.
            refused: Whether the provider has just refused them.

        Raises:
            NeedsReauth: There are none any more; the connection's owner has been told.
            RetryLater: None can be had at present.
            BadConfig: The provider refuses the operator's registration.
        """
        if not (refused or held.due):
            return held
        try:
            return await self._shared(held, must=refused or held.expired)
        except RetryLater:
            if refused or held.expired:
                raise
            return held  # it still holds for a while, and so will the refresh token

    async def _shared(self, held: Held, *, must: bool) -> Held:
        """Join the refresh under way in this process, or begin it."""
        while True:
            running = self._running.get(held.connection_id)
            if running is None:
                running = asyncio.create_task(
                    self._renew(held, must=must), name="oauth.refresh", context=contextvars.Context()
                )
                self._running[held.connection_id] = running
                running.add_done_callback(partial(self._ended, held.connection_id))
            found = await asyncio.shield(running)
            if found.renewals > held.renewals or not must:
                return found

    def _ended(self, connection_id: str, done: asyncio.Task[Held]) -> None:
        del self._running[connection_id]
        if not done.cancelled():
            done.exception()  # whoever waited has it; nobody may be left to

    async def _renew(self, held: Held, *, must: bool) -> Held:
        lease, deadline = None, asyncio.get_running_loop().time() + PATIENCE
        while lease is None:
            found = await self._reread(held)
            if found.renewals > held.renewals:
                return found
            lease = await self._leases.acquire(records.lease_name(held.connection_id), LEASE_SECONDS)
            if lease is None and not must:
                return held
            if lease is None and asyncio.get_running_loop().time() > deadline:
                raise RetryLater("another process has been refreshing the token for long", after=5.0)
            if lease is None:
                await asyncio.sleep(random.uniform(0.05, 0.2))
        return await self._alone(held, lease)

    async def _alone(self, held: Held, lease: Lease) -> Held:
        try:
            found = await self._reread(held)
            return found if found.renewals > held.renewals else await self._ask(found)
        finally:
            try:
                await self._leases.release(lease)
            except DatabaseAway:
                _log.warning("a lease is left to expire", lease=lease.name)

    async def _reread(self, held: Held) -> Held:
        async with self._database.transaction() as tx:  # the writer: what was committed last is seen
            row = await tx.fetch_one(records.BY_ID, held.connection_id)
        if row is None:
            raise PermanentFailure("the connection is gone")
        if row["version"] != held.version:
            raise RetryLater("the connection was made anew meanwhile", after=1.0)
        if row["state"] != "connected":
            raise NeedsReauth(row["reason"])
        return self.unseal(row)

    async def _ask(self, held: Held) -> Held:
        endpoint = self._endpoint_of(held.service)
        if endpoint is None:
            raise PermanentFailure("the plugin of this service is not loaded")
        if not held.tokens.refresh:
            return await self._dead(held, "the access is over, and the provider gave no refresh token")
        try:
            tokens = await endpoint.refresh(held.tokens.refresh)
        except GrantDead:
            return await self._dead(held, "the provider does not accept the refresh token any more")
        kept = tokens.refresh or held.tokens.refresh
        renewed = Tokens(tokens.access, kept, tokens.expires_at, tokens.lifetime, tokens.scopes)
        return await self._save(held, renewed)

    async def _save(self, held: Held, tokens: Tokens) -> Held:
        """Write what the provider may never say again, however long the database takes."""
        for delay in (*_SAVE_DELAYS, None):
            try:
                return await self._write(held, tokens)
            except DatabaseAway:
                if delay is None:
                    raise
                await asyncio.sleep(delay)
        raise AssertionError("the last attempt returns or raises")

    async def _write(self, held: Held, tokens: Tokens) -> Held:
        sealed = self._vault.encrypt(tokens.pack())
        async with self._database.transaction() as tx:
            row = await records.renew(
                tx, held.connection_id, held.version, held.renewals, sealed, tokens.expires_at
            )
            if row is not None:
                await timeline.note(tx, row["id"], "refreshed", at=clock.now(), until=tokens.expires_at)
            if row is not None and row["state"] != "connected":
                await self._mended(tx, row["id"])
        # Another process was quicker, its lease having outlived this one's: then its tokens count.
        return await self._reread(held) if row is None else self.unseal(row)

    async def give_up(self, held: Held, reason: str) -> None:
        """Move the connection to ``needs_reauth``, unless there are fresher tokens than ``held``."""
        if (await self._reread(held)).renewals == held.renewals:
            await self._refused(held.connection_id, held.version, reason)

    async def _dead(self, held: Held, reason: str) -> Held:
        """Give the connection up, unless another process has been luckier meanwhile."""
        found = await self._reread(held)
        if found.renewals > held.renewals:
            return found
        await self._refused(held.connection_id, held.version, reason)
        raise NeedsReauth(reason)
