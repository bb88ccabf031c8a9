"""Exclusive work across processes: a lease on a row, with a fence.

A holder that was frozen past its lease finds its fence stale, and :meth:`Leases.guard` refuses its write
(the pattern of Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id


class LeaseLost(Exception):
    """Somebody else holds the lease now: drop the work, write nothing."""


# The database's clock, in milliseconds: that of a process may be wrong, and these must agree.
_POSTGRESQL_NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
_SQLITE_NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_FREE = "(leases.expires_at <= {now} OR leases.owner = excluded.owner)"
_ACQUIRE = (
    "INSERT INTO leases (name, owner, fence, expires_at, wanted) VALUES (?, ?, 1, {now} + ?, 0)"  # noqa: S608 - constants alone
    " ON CONFLICT (name) DO UPDATE SET"
    f" owner = CASE WHEN {_FREE} THEN excluded.owner ELSE leases.owner END,"
    f" fence = leases.fence + CASE WHEN {_FREE} THEN 1 ELSE 0 END,"
    f" expires_at = CASE WHEN {_FREE} THEN excluded.expires_at ELSE leases.expires_at END,"
    f" wanted = CASE WHEN {_FREE} THEN 0 ELSE 1 END"
    f" WHERE {_FREE} OR leases.wanted = 0 RETURNING owner, fence, expires_at"
)
_RENEW = "UPDATE leases SET expires_at = {now} + ? WHERE name = ? AND fence = ? RETURNING expires_at"

_PROCESS = "process/"
_BURY = (
    "UPDATE leases SET expires_at = 0 WHERE expires_at > {now} AND NOT EXISTS (SELECT 1 FROM leases AS process"
    " WHERE process.name = CAST(? AS TEXT) || leases.owner AND process.expires_at > {now})"
)
_FORGET = "DELETE FROM leases WHERE name LIKE ? AND expires_at < {now} - 3600000"


@dataclass(frozen=True, slots=True)
class Lease:
    """Proof that a process may do the work called ``name`` until ``expires_at`` (ms, by the database's clock)."""

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
        now = _SQLITE_NOW if database.is_sqlite else _POSTGRESQL_NOW
        self._acquire, self._renew = _ACQUIRE.format(now=now), _RENEW.format(now=now)
        self._bury, self._forget = _BURY.format(now=now), _FORGET.format(now=now)

    async def acquire(self, name: str, ttl: float) -> Lease | None:
        """Take the lease for ``ttl`` seconds, or return None while another process holds it.

        That one is told by :meth:`release` that somebody came meanwhile, so that nobody has to come again.
        """
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(self._acquire, name, self.owner, round(ttl * 1000))
        if row is None or row["owner"] != self.owner:
            return None
        return Lease(name, row["fence"], row["expires_at"])

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """Hold on for ``ttl`` more seconds from now.

        Raises:
            LeaseLost: Another process has taken it since.
        """
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(self._renew, round(ttl * 1000), lease.name, lease.fence)
        if row is None:
            raise LeaseLost(lease.name)
        return Lease(lease.name, lease.fence, row["expires_at"])

    async def release(self, lease: Lease) -> bool:
        """Give the lease up; harmless when it is lost already.

        Returns:
            Whether another process wanted it meanwhile: there may be work that this one has not seen.
        """
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "UPDATE leases SET expires_at = 0 WHERE name = ? AND fence = ? RETURNING wanted",
                lease.name,
                lease.fence,
            )
        return row is not None and bool(row["wanted"])

    async def beat(self, ttl: float) -> None:
        """Say that this process lives, for ``ttl`` seconds; see :meth:`bury`."""
        await self.acquire(f"{_PROCESS}{self.owner}", ttl)

    async def bury(self) -> None:
        """End every lease of processes that no longer beat, however long it was to last.

        One that only seemed dead is stopped by its fences.
        """
        async with self._database.transaction() as tx:
            await tx.execute(self._bury, _PROCESS)
            await tx.execute(self._forget, f"{_PROCESS}%")

    async def inherit(self) -> None:
        """End every lease there is: for a process that knows itself alone, such as by the lock on ``DATA_DIR``.

        What a killed predecessor held would else hold up its successor until it expires.
        """
        async with self._database.transaction() as tx:
            await tx.execute("UPDATE leases SET expires_at = 0")

    @staticmethod
    async def guard(tx: Transaction, lease: Lease) -> None:
        """Refuse the write of a holder whose lease has been taken over; nobody takes it before ``tx`` ends.

        Raises:
            LeaseLost: The fence is stale; the transaction must be rolled back.
        """
        if not await Leases.held(tx, [lease]):
            raise LeaseLost(lease.name)

    @staticmethod
    async def held(tx: Transaction, leases: Sequence[Lease]) -> set[str]:
        """Return the names of those leases that have not been taken over; nobody takes them before ``tx`` ends."""
        fences = {lease.name: lease.fence for lease in leases}
        marks = ", ".join("?" * len(fences))
        # In the order of their names, as whoever locks several must.
        sql = f"SELECT name, fence FROM leases WHERE name IN ({marks}) ORDER BY name"  # noqa: S608 - marks alone
        rows = await tx.lock_all(sql, *fences)
        return {row["name"] for row in rows if row["fence"] == fences[row["name"]]}
