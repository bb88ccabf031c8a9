"""Writes down what came of attempts, of many lanes and shards at a time, guarded by the leases of their drains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rallypoint.events.outbox import Outbox
from rallypoint.events.types import Draft, EventType
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.leases import Lease, LeaseLost, Leases
from rallypoint.storage.together import Together
from rallypoint.webhooks.lanes import Attempted, Destination, Lane
from rallypoint.webhooks.targets import give_up

DISABLED = EventType(
    "webhook.disabled",
    "A webhook was switched off, because it is gone or failed for too long",
    webhooks=False,
)
_TOGETHER_SECONDS = 0.005


@dataclass(slots=True)
class Page:
    """What is to be written together.

    Args:
        attempted: In the order in which the attempts ended.
        left: Lanes that are no longer in memory afterwards.
        changed: Targets that began to fail, recovered or were closed.
    """

    attempted: Sequence[Attempted] = ()
    left: Sequence[Lane] = ()
    changed: Sequence[Destination] = field(default_factory=list)


class Ledger:
    """Writes pages.

    Args:
        database: Where the rows are.
        outbox: Takes the event that tells an owner of a webhook switched off.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._together = Together(self._write, _TOGETHER_SECONDS)

    async def write(self, lease: Lease, page: Page) -> None:
        """Write a page, all or nothing, with those that other drains write at the same time.

        Raises:
            LeaseLost: Another process drains this shard now; nothing was written.
        """
        if not await self._together((lease, page)):
            raise LeaseLost(lease.name)

    async def _write(self, pages: Sequence[tuple[Lease, Page]]) -> list[bool]:
        """Write the pages whose lease is held still, and tell which those are."""
        async with self._database.transaction() as tx:
            held = await Leases.held(tx, [lease for lease, _ in pages])
            written = [page for lease, page in pages if lease.name in held]
            if attempted := [one for page in written for one in page.attempted]:
                await self._write_attempts(tx, attempted)
            if left := [lane for page in written for lane in page.left]:
                await self._write_lanes(tx, left)
            for target in (target for page in written for target in page.changed):
                await self._write_target(tx, target)
        return [lease.name in held for lease, _ in pages]

    async def give_up(self, lease: Lease, target_ids: Sequence[str]) -> None:
        """Cancel what is still to be sent to targets that are gone.

        Raises:
            LeaseLost: Another process drains this shard now; nothing was written.
        """
        async with self._database.transaction() as tx:
            await Leases.guard(tx, lease)
            for target_id in target_ids:
                await give_up(tx, target_id)

    @staticmethod
    async def _write_attempts(tx: Transaction, attempted: Sequence[Attempted]) -> None:
        await tx.execute_many(
            "INSERT INTO webhook_attempts (delivery_id, at, duration_ms, status, error, reply)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (a.delivery_id, r.at, r.duration_ms, r.status, r.error, r.reply)
                for a in attempted
                for r in (a.result,)
            ],
        )
        await tx.execute_many(
            "UPDATE webhook_deliveries SET state = ?, attempts = ?, finished_at = ? WHERE id = ?",
            [
                (
                    a.outcome,
                    a.attempts,
                    None if a.outcome == "pending" else a.result.at + a.result.duration_ms,
                    a.delivery_id,
                )
                for a in sorted(attempted, key=lambda a: a.delivery_id)
            ],
        )

    @staticmethod
    async def _write_lanes(tx: Transaction, lanes: Sequence[Lane]) -> None:
        """Move the lanes on; an empty one goes, and the order of writing is that of the fan-out: no deadlocks."""
        ordered = sorted(lanes, key=lambda lane: lane.id)
        await tx.execute_many(
            "UPDATE webhook_lanes SET done_seq = ?, attempts = ?, next_at = ? WHERE id = ?",
            [(lane.done_seq, lane.attempts, lane.next_at, lane.id) for lane in ordered],
        )
        await tx.execute_many(
            "DELETE FROM webhook_lanes WHERE id = ? AND last_seq <= ?",
            [(lane.id, lane.done_seq) for lane in ordered if lane.done_seq >= lane.last_seq],
        )

    async def _write_target(self, tx: Transaction, target: Destination) -> None:
        if not target.closed:
            await tx.execute(
                "UPDATE webhook_targets SET failing_since = ? WHERE id = ?", target.failing_since, target.id
            )
            return
        row = await self._disable(tx, target)
        if row is not None:
            await give_up(tx, target.id)
            await self._tell_owner(tx, target, row)

    @staticmethod
    async def _disable(tx: Transaction, target: Destination) -> Mapping[str, str] | None:
        return await tx.fetch_one(
            "UPDATE webhook_targets SET state = 'disabled', reason = ?, updated_at = ?, event_seq = event_seq + 1"
            " WHERE id = ? AND url = ? AND state = 'active'"
            " RETURNING account_id, mode, owner_id, subject, event_seq",
            target.closed,
            clock.now(),
            target.id,
            target.url,
        )

    async def _tell_owner(self, tx: Transaction, target: Destination, row: Mapping[str, object]) -> None:
        await self._outbox.add(
            tx,
            Draft(
                type=DISABLED.name,
                account_id=str(row["account_id"]),
                mode="sandbox" if row["mode"] == "sandbox" else "live",
                subject=f"webhook:{target.id}",
                seq=int(str(row["event_seq"])),
                topics=(f"user:{row['owner_id']}",),
                payload={"webhook_id": target.id, "subject": row["subject"], "reason": target.closed},
            ),
        )
