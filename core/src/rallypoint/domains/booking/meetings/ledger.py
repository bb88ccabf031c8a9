"""What is written of a meeting before and after its provider is called; nothing is awaited between but the database.

A claim keeps others from calling the provider for the same meeting; one whose holder died lapses, and the same
request is made again with the same ``request_id``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rallypoint.domains.booking.api import Meeting, MeetingRequest
from rallypoint.domains.booking.appointments.lifecycle import Lifecycle
from rallypoint.domains.booking.appointments.records import find, view_of
from rallypoint.domains.booking.meetings.providers import TIMEOUT, Unserved
from rallypoint.domains.booking.meetings.records import UNKNOWN, columns_of, fingerprint, request_of
from rallypoint.domains.booking.meetings.wishes import host_email
from rallypoint.domains.booking.rows import update
from rallypoint.errors import NeedsReauth, NotFound, PermanentFailure, RetryLater
from rallypoint.jobs.backoff import backoff
from rallypoint.security.vault import Vault
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

CLAIM = round(2.5 * TIMEOUT) * clock.SECOND
"""Milliseconds after which a claim's holder counts as dead: more than the two calls it may make."""
LINGER = 7 * clock.DAY
"""Milliseconds after an appointment for which its meeting is still changed or removed at a provider that is away."""
_NOT_ASKED = (PermanentFailure, NeedsReauth, Unserved)
"""After these the provider has certainly made nothing."""
_PATIENT = 8
"""Failures that a dead credential counts as: it waits for its owner, who is told."""
_EMPTY = Meeting(url="", meeting_id="")


@dataclass(frozen=True, slots=True)
class Claim:
    """A meeting that this process may call the provider for.

    Args:
        row: As it was when claimed.
        request: As the meeting should be now.
        until: When the claim lapses (ms); tells it from every other.
    """

    row: Row
    request: MeetingRequest
    until: int


class Ledger:
    """Claims meetings and keeps what became of them.

    Args:
        database: Where they are.
        lifecycle: Tells of a meeting's new address.
        vault: Encrypts what opens a meeting.
    """

    def __init__(self, database: Database, lifecycle: Lifecycle, vault: Vault) -> None:
        self._database, self._lifecycle, self._vault = database, lifecycle, vault

    async def claim(self, meeting_row_id: int) -> Claim | None:
        """Claim a meeting that is due; None when there is nothing to do for it, or somebody else does it."""
        at = clock.now()
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "UPDATE appointment_meetings SET claimed_until = ? WHERE id = ? AND next_at <= ?"
                " AND claimed_until <= ? RETURNING *",
                at + CLAIM,
                meeting_row_id,
                at,
                at,
            )
            return None if row is None else await self._prepare(tx, row, at)

    async def _prepare(self, tx: Transaction, row: Row, at: int) -> Claim | None:
        try:
            appointment = await find(tx, row["account_id"], row["mode"], row["appointment_id"])
        except NotFound:
            await tx.execute("DELETE FROM appointment_meetings WHERE id = ?", row["id"])
            return None
        if row["wanted"] == row["done"]:
            await self._rest(tx, row, {})
            return None
        if appointment["end_at"] + (LINGER if row["meeting_url"] else 0) < at:
            status = "failed" if row["wanted"] else "cancelled"
            await self._rest(tx, row, {"status": status, "reason": "the appointment is over"})
            return None
        view = view_of(appointment)
        request = request_of(row, view, await host_email(tx, view))
        if row["done"] == "":
            await update(tx, "appointment_meetings", row["id"], {"done": UNKNOWN})
        return Claim(row, request, row["claimed_until"])

    async def finish(self, claim: Claim, meeting: Meeting | None) -> None:
        """Keep what the provider answered: the meeting as it is now, or None when it removed it."""
        async with self._database.transaction() as tx:
            await tx.lock("SELECT id FROM appointments WHERE id = ?", claim.row["appointment_id"])
            row = await self._held(tx, claim, meeting)
            if row is None:
                return
            done = "" if meeting is None else fingerprint(claim.request)
            changes = {
                **columns_of(meeting or _EMPTY, self._vault),
                "done": done,
                "status": "ready" if row["wanted"] else "cancelled",
                "reason": "" if row["wanted"] else row["reason"],
                "failures": 0,
                "claimed_until": 0,
                "next_at": None if done == row["wanted"] else clock.now(),
                "updated_at": clock.now(),
            }
            after = await update(tx, "appointment_meetings", row["id"], changes)
            if after["status"] == "ready" and (after["meeting_url"], "ready") != (
                row["meeting_url"],
                row["status"],
            ):
                await self._tell(tx, after)

    async def fail(self, claim: Claim, error: Exception) -> None:
        """Keep that the provider did not do it, and when to ask again, if ever."""
        async with self._database.transaction() as tx:
            row = await self._held(tx, claim, None)
            if row is None:
                return
            failures = row["failures"] + 1
            changes: dict[str, Any] = {"failures": failures, "reason": str(error)[:500], "claimed_until": 0}
            if isinstance(error, _NOT_ASKED):
                changes["done"] = claim.row["done"]
            if isinstance(error, PermanentFailure) and row["wanted"] == claim.row["wanted"]:
                changes["next_at"] = None
                changes["status"] = "failed" if row["wanted"] else "cancelled"
            else:
                patient = _PATIENT if isinstance(error, NeedsReauth) else 0
                after = error.after if isinstance(error, RetryLater) else None
                changes["next_at"] = clock.now() + backoff(failures + patient, after)
            await update(tx, "appointment_meetings", row["id"], {**changes, "updated_at": clock.now()})

    async def _held(self, tx: Transaction, claim: Claim, made: Meeting | None) -> Row | None:
        """Return the row while the claim holds; a meeting that was made is kept even after, if there is none."""
        row = await tx.lock("SELECT * FROM appointment_meetings WHERE id = ?", claim.row["id"])
        if row is None or row["claimed_until"] == claim.until:
            return row
        return row if made is not None and not row["meeting_url"] else None

    async def _rest(self, tx: Transaction, row: Row, changes: dict[str, Any]) -> None:
        await update(tx, "appointment_meetings", row["id"], {**changes, "next_at": None, "claimed_until": 0})

    async def _tell(self, tx: Transaction, row: Row) -> None:
        appointment = await find(tx, row["account_id"], row["mode"], row["appointment_id"])
        if appointment["status"] == "confirmed":
            await self._lifecycle.tell_updated(tx, appointment)
