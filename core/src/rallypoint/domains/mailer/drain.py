"""Sends what is due: one process at a time, many messages at once, one of each lane, the oldest first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from rallypoint.domains.mailer import records
from rallypoint.domains.mailer.api import MailTransport
from rallypoint.domains.mailer.attempt import Attempt, Outcome
from rallypoint.domains.mailer.pause import Pause
from rallypoint.domains.mailer.sealing import Sealer
from rallypoint.domains.mailer.service import DRAIN
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.jobs.api import Jobs
from rallypoint.jobs.backoff import backoff
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.leases import Lease, LeaseLost, Leases

SWEEP_SECONDS = 15.0
_LEASE_SECONDS = 180.0
_HELD_ELSEWHERE_MS = 1_000
_EXPIRED_AT_ONCE = 100
GIVEN_UP = "nobody took it in time"
_log = structlog.stdlib.get_logger("rallypoint.mailer")


class Drain:
    """Empties the queue.

    Args:
        database: Where the queue is.
        jobs: Woken for what is due later.
        leases: One process sends at a time.
        sealer: Reads messages.
        settings: Bounds.
        transport: Returns what sends; None while no plugin does.
    """

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        leases: Leases,
        sealer: Sealer,
        settings: MailerSettings,
        transport: Callable[[], MailTransport | None],
    ) -> None:
        self._database, self._jobs, self._leases = database, jobs, leases
        self._sealer, self._settings, self._transport = sealer, settings, transport
        self.pause = Pause()

    async def run(self, _key: str = "") -> None:
        """Send everything that is due."""
        transport = self._transport()
        if transport is None or self.pause.left:
            return
        lease = await self._leases.acquire(DRAIN, _LEASE_SECONDS)
        if lease is None:
            return  # its holder looks again when it ends
        try:
            await self._work(lease, transport)
            await self._wake_when_due()
        except LeaseLost:
            self._jobs.wake_at(clock.now() + _HELD_ELSEWHERE_MS, DRAIN)
        finally:
            if await self._leases.release(lease):
                self._jobs.wake(DRAIN)

    async def sweep(self) -> None:
        """Give up what is too old, and find what lost wake-ups and dead processes left."""
        await self._expire()
        if await records.due(self._database, 1):
            self._jobs.wake(DRAIN)

    async def _work(self, lease: Lease, transport: MailTransport) -> None:
        while not self.pause.left:
            rows = await records.due(self._database, 1 if self.pause.probing else self._settings.concurrency)
            if not rows:
                return
            lease = await self._leases.renew(lease, _LEASE_SECONDS)
            await self._send(lease, transport, await self._begun(rows))

    async def _begun(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Let nobody withdraw the messages any more, and return those that are still to be sent."""
        async with self._database.transaction() as tx:
            begun = await records.begin(tx, [row["id"] for row in rows])
        return [row for row in rows if row["id"] in begun]

    async def _send(self, lease: Lease, transport: MailTransport, rows: Sequence[Row]) -> None:
        """Send messages at once; one that cannot be written down cuts off none that is being handed over."""
        ended = await asyncio.gather(
            *(self._one(lease, transport, row) for row in rows), return_exceptions=True
        )
        for error in ended:
            if error is not None:
                raise error

    async def _one(self, lease: Lease, transport: MailTransport, row: Row) -> None:
        at, began = clock.now(), time.monotonic()
        if row["expires_at"] <= at:
            await self._settle(lease, row, transport.name, at, 0, Outcome("failed", GIVEN_UP))
            return
        attempt = Attempt(transport, self._sealer, self._settings.timeout)
        outcome = await attempt.make(row)
        took = round((time.monotonic() - began) * 1000)
        await self._settle(lease, row, transport.name, at, took, outcome)

    async def _settle(
        self, lease: Lease, row: Row, transport: str, at: int, took: int, outcome: Outcome
    ) -> None:
        wait = self._learn(outcome)
        async with self._database.transaction() as tx:
            await Leases.guard(tx, lease)
            if await records.lock(tx, row["id"]) is None:
                return  # its account was erased meanwhile
            await records.note(
                tx,
                row,
                at=at,
                duration_ms=took,
                outcome=outcome.kind,
                transport=transport,
                detail=outcome.detail,
            )
            await self._write(tx, row, outcome, wait)
        log = _log.info if outcome.kind == "sent" else _log.warning
        log("mail", id=row["id"], outcome=outcome.kind, transport=transport, detail=outcome.detail)

    def _learn(self, outcome: Outcome) -> float:
        """Note what the outcome says of the transport, and return the seconds of its pause."""
        if outcome.kind == "away":
            return self.pause.failed(outcome.detail, outcome.after)
        if outcome.answered:
            self.pause.succeeded()
        return 0.0

    async def _write(self, tx: Transaction, row: Row, outcome: Outcome, wait: float) -> None:
        if outcome.kind in ("sent", "failed"):
            await records.finish(tx, row, outcome.kind, "" if outcome.kind == "sent" else outcome.detail)
            return
        if outcome.envelope:
            await records.readdress(tx, row["id"], outcome.envelope)
        counts = outcome.kind == "later"
        delay = backoff(row["attempts"] + 1, outcome.after) if counts else round(wait * 1000)
        await records.postpone(
            tx, row["id"], next_at=clock.now() + delay, error=outcome.detail, counts=counts
        )

    async def _expire(self) -> None:
        """Give up messages that nobody took in time, while no transport is there or it is away."""
        rows = await self._database.fetch(
            "SELECT * FROM mailer_messages WHERE next_at IS NOT NULL AND expires_at <= ? LIMIT ?",
            clock.now(),
            _EXPIRED_AT_ONCE,
        )
        for row in rows:
            async with self._database.transaction() as tx:
                if await tx.lock(
                    "SELECT id FROM mailer_messages WHERE id = ? AND state = 'queued'", row["id"]
                ):
                    await records.finish(tx, row, "failed", GIVEN_UP)

    async def _wake_when_due(self) -> None:
        at = await records.next_due(self._database)
        if at is not None:
            self._jobs.wake_at(max(at, clock.now() + round(self.pause.left * 1000)), DRAIN)
