"""Exclusive work across processes: a lease on a row, with a fence.

A holder that was frozen past its lease finds its fence stale, and :meth:`Leases.guard` refuses its write
(the pattern of Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id


class LeaseLost(Exception):
    """Somebody else holds the lease now: drop the work, write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Proof that a process may do the work called ``name`` until ``expires_at`` (ms)."""

    name: str
    fence: int
    expires_at: int


class Leases:
    """Leases of one process.

    Args:
        database: Where the rows are.
        owner: This process; a fresh id when left out.
    """

    def __init__(self, database: Database, owner: str | None = None) -> None:
        self._database = database
        self.owner = owner or new_id()

    async def acquire(self, name: str, ttl: float) -> Lease | None:
        """Take the lease for ``ttl`` seconds, or return None while another process holds it."""
        at = clock.now()
        expires = at + round(ttl * 1000)
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "INSERT INTO leases (name, owner, fence, expires_at) VALUES (?, ?, 1, ?)"
                " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, fence = leases.fence + 1,"
                " expires_at = excluded.expires_at WHERE leases.expires_at <= ? OR leases.owner = excluded.owner"
                " RETURNING fence",
                name,
                self.owner,
                expires,
                at,
            )
        return None if row is None else Lease(name, row["fence"], expires)

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """Hold on for ``ttl`` more seconds from now.

        Raises:
            LeaseLost: Another process has taken it since.
        """
        expires = clock.now() + round(ttl * 1000)
        async with self._database.transaction() as tx:
            changed = await tx.execute(
                "UPDATE leases SET expires_at = ? WHERE name = ? AND fence = ?",
                expires,
                lease.name,
                lease.fence,
            )
        if not changed:
            raise LeaseLost(lease.name)
        return Lease(lease.name, lease.fence, expires)

    async def release(self, lease: Lease) -> None:
        """Give the lease up; harmless when it is lost already."""
        async with self._database.transaction() as tx:
            await tx.execute(
                "UPDATE leases SET expires_at = 0 WHERE name = ? AND fence = ?", lease.name, lease.fence
            )

    async def inherit(self) -> None:
        """End every lease there is: for a process that knows itself alone, such as by the lock on ``DATA_DIR``.

        What a killed predecessor held would else hold up its successor until it expires.
        """
        async with self._database.transaction() as tx:
            await tx.execute("UPDATE leases SET expires_at = 0")

    @staticmethod
    async def guard(tx: Transaction, lease: Lease) -> None:
        """Refuse the write of a holder whose lease has been taken over.

        Raises:
            LeaseLost: The fence is stale; the transaction must be rolled back.
        """
        row = await tx.fetch_one("SELECT fence FROM leases WHERE name = ?", lease.name)
        if row is None or row["fence"] != lease.fence:
            raise LeaseLost(lease.name)
