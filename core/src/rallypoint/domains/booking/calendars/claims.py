"""Who is at a connection's calendar: one process at a time, which reads it and writes to it.

The claim is on the row that says how far the reading is, so that taking it, reading that and moving on cost one
statement each. A holder that was frozen past its claim finds its fence stale, and its write is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rallypoint.domains.booking.api import SyncMode
from rallypoint.identity.api import Mode
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

CLAIM_MS = 90_000
"""How long a claim holds after each step; a call to a provider must take less."""
_OF_LINKS = "FROM booking_calendar_links l WHERE l.connection_id = booking_calendar_cursors.connection_id"
_STAND = (
    f"*, (SELECT MIN(l.next_at) {_OF_LINKS} AND l.next_at IS NOT NULL) AS push_at,"
    f" EXISTS (SELECT 1 {_OF_LINKS} AND l.external_id IS NOT NULL) AS has_linked"
)
"""What a claim knows: its row, and how its links stand, which only whoever holds it binds to events."""
_TAKE = (
    "UPDATE booking_calendar_cursors SET claimed_until = ?, fence = fence + 1"  # noqa: S608 - constants alone
    f" WHERE connection_id = ? AND claimed_until <= ? AND parked = ? RETURNING {_STAND}"
)


class ClaimLost(Exception):
    """Somebody else is at this calendar now, or it is synced in another way: drop the work, write nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Proof that this process may work on a connection's calendar, and how far the work is.

    Args:
        run: Of the latest look that read everything, or of the one under way.
        reading_all: Whether the look under way reads everything.
        taken_at: Milliseconds; a look that was wanted before is served by one that begins now.
        push_at: When the next event is to be written, as of the last step.
        has_linked: Whether any appointment has its event in the calendar, as of the last step.
    """

    connection_id: str
    account_id: str
    mode: Mode
    user_id: str
    service: str
    sync_mode: SyncMode
    cursor: str
    page: str
    reading_all: bool
    run: int
    last_sync_at: int | None
    poll_at: int | None
    watch_at: int | None
    failures: int
    fence: int
    taken_at: int
    push_at: int | None
    has_linked: bool

    @property
    def two_way(self) -> bool:
        """Whether changes there become changes here."""
        return self.sync_mode == "two-way"

    def from_beginning(self) -> Claim:
        """Return it as of a look at everything that is about to begin."""
        return replace(self, cursor="", page="", reading_all=True, run=self.run + 1)


async def take(database: Database, connection_id: str) -> Claim | None:
    """Claim a connection's calendar; None while somebody else is at it, while it is parked, or without its row."""
    at = clock.now()
    async with database.transaction() as tx:
        row = await tx.fetch_one(_TAKE, at + CLAIM_MS, connection_id, at, False)
    return None if row is None else _claim(row, at)


async def is_held(database: Database, connection_id: str) -> bool:
    """Tell whether somebody is at a connection's calendar."""
    row = await database.fetch_one(
        "SELECT claimed_until FROM booking_calendar_cursors WHERE connection_id = ?", connection_id
    )
    return row is not None and row["claimed_until"] > clock.now()


async def guard(tx: Transaction, claim: Claim) -> None:
    """Refuse the write of a holder that is none any more, and hold on; the claim holds until ``tx`` ends.

    Raises:
        ClaimLost: The transaction must be rolled back.
    """
    held = await tx.execute(
        "UPDATE booking_calendar_cursors SET claimed_until = ? WHERE connection_id = ? AND fence = ?",
        clock.now() + CLAIM_MS,
        claim.connection_id,
        claim.fence,
    )
    if not held:
        raise ClaimLost(claim.connection_id)


async def move(tx: Transaction, claim: Claim, **columns: Any) -> Claim:
    """Write how far the work is, and hold on to the claim.

    Raises:
        ClaimLost: The transaction must be rolled back.
    """
    return await _update(tx, claim, {**columns, "claimed_until": clock.now() + CLAIM_MS})


async def finish(tx: Transaction, claim: Claim, cursor: str) -> Claim:
    """Write that a look has come to its end, and let go; looks that were wanted before it began are served.

    Returns:
        How things stand then.

    Raises:
        ClaimLost: The transaction must be rolled back.
    """
    columns = {"cursor": cursor, "page": "", "reading_all": False, "run": claim.run}
    done = {"last_sync_at": clock.now(), "failures": 0, "claimed_until": 0}
    return await _update(tx, claim, {**columns, **done}, served=True)


async def release(database: Database, claim: Claim, **columns: Any) -> Claim | None:
    """Let go; returns how things stand then, None when the claim was lost or let go before."""
    try:
        async with database.transaction() as tx:
            return await _update(tx, claim, {**columns, "claimed_until": 0})
    except ClaimLost:
        return None


async def end_all(database: Database) -> None:
    """End every claim: for a process that knows itself alone."""
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE booking_calendar_cursors SET claimed_until = 0, fence = fence + 1 WHERE claimed_until > 0"
        )


async def _update(tx: Transaction, claim: Claim, columns: dict[str, Any], *, served: bool = False) -> Claim:
    names, values = ", ".join(f"{name} = ?" for name in columns), list(columns.values())
    if served:
        names += ", poll_at = CASE WHEN poll_at <= ? THEN NULL ELSE poll_at END"
        values.append(claim.taken_at)
    row = await tx.fetch_one(
        f"UPDATE booking_calendar_cursors SET {names} WHERE connection_id = ? AND fence = ?"  # noqa: S608
        f" RETURNING {_STAND}",
        *values,
        claim.connection_id,
        claim.fence,
    )
    if row is None:
        raise ClaimLost(claim.connection_id)
    return _claim(row, claim.taken_at)


def _claim(row: Row, taken_at: int) -> Claim:
    return Claim(
        connection_id=row["connection_id"],
        account_id=row["account_id"],
        mode=row["mode"],
        user_id=row["user_id"],
        service=row["service"],
        sync_mode=row["sync_mode"],
        cursor=row["cursor"],
        page=row["page"],
        reading_all=bool(row["reading_all"]),
        run=row["run"],
        last_sync_at=row["last_sync_at"],
        poll_at=row["poll_at"],
        watch_at=row["watch_at"],
        failures=row["failures"],
        fence=row["fence"],
        taken_at=taken_at,
        push_at=row["push_at"],
        has_linked=bool(row["has_linked"]),
    )
