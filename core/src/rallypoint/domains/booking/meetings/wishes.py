"""Says in rows which meetings there should be; the work that brings them about is done elsewhere, later."""

from __future__ import annotations

from rallypoint.domains.booking.api import AppointmentView
from rallypoint.domains.booking.appointments.lifecycle import require_confirmed
from rallypoint.domains.booking.appointments.records import view_of
from rallypoint.domains.booking.meetings.providers import platform_of
from rallypoint.domains.booking.meetings.records import fingerprint, meetings_of, request_of
from rallypoint.domains.booking.rows import insert, update
from rallypoint.jobs.api import Jobs
from rallypoint.storage import clock
from rallypoint.storage.database import Row, Transaction
from rallypoint.storage.ids import new_id

WORK = "booking.meetings"
DEFAULT_PLATFORM = "zoom"
_TEXTS = (
    *("user_id", "host_email", "guest_email", "topic", "description", "meeting_url", "meeting_id"),
    *("wanted", "done", "reason"),
)
_NOTHING_YET = {
    **dict.fromkeys(_TEXTS, ""),
    "external": "{}",
    "status": "pending",
    "failures": 0,
    "claimed_until": 0,
}


class Wishes:
    """What appointments want of meeting providers. Everything is within the caller's transaction.

    Args:
        jobs: Woken after commit when there is something to do.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def want(self, tx: Transaction, view: AppointmentView, platform: str) -> Row:
        """Have an appointment meet on a platform, and return the row."""
        row = await tx.fetch_one(
            "SELECT * FROM appointment_meetings WHERE appointment_id = ? AND platform = ?", view.id, platform
        )
        if row is None:
            row = await self._insert(tx, view, platform)
        elif row["status"] == "cancelled":
            row = await update(tx, "appointment_meetings", row["id"], {"status": "pending", "reason": ""})
        return await self._aim(tx, row, view)

    async def choose(self, tx: Transaction, row: Row, meeting: str | bool) -> None:
        """Have a held appointment meet where it is asked to: a platform, the preferred one, or nowhere.

        Raises:
            Conflict: It is not confirmed.
        """
        require_confirmed(row)
        if meeting is True:
            meeting = await preferred_platform(tx, row["practitioner_id"])
        platform = platform_of(meeting) if meeting else ""
        if platform:
            await self.want(tx, view_of(row), platform)
        for other in await meetings_of(tx, row["id"]):
            if other["platform"] != platform:
                await self.drop(tx, other)

    async def drop(self, tx: Transaction, row: Row, *, reason: str = "") -> Row:
        """Have a meeting removed; one removed already stays so."""
        if row["status"] == "cancelled":
            return row
        self._wake(tx)
        at = clock.now()
        changes = {"status": "cancelled", "wanted": "", "reason": reason, "next_at": at, "updated_at": at}
        return await update(tx, "appointment_meetings", row["id"], {**changes, "failures": 0})

    async def follow(self, tx: Transaction, view: AppointmentView, _origin: str) -> None:
        """Have an appointment's meetings move with it, and go with it."""
        for row in await meetings_of(tx, view.id):
            if view.status == "cancelled":
                await self.drop(tx, row)
            elif view.status == "confirmed" and row["status"] != "cancelled":
                await self._aim(tx, row, view)

    async def _aim(self, tx: Transaction, row: Row, view: AppointmentView) -> Row:
        wanted = fingerprint(request_of(row, view, await host_email(tx, view)))
        if row["wanted"] == wanted:
            return row
        self._wake(tx)
        at = clock.now()
        changes = {"wanted": wanted, "next_at": at, "failures": 0, "updated_at": at}
        return await update(tx, "appointment_meetings", row["id"], changes)

    async def _insert(self, tx: Transaction, view: AppointmentView, platform: str) -> Row:
        at = clock.now()
        whose = {"account_id": view.account_id, "mode": view.mode, "appointment_id": view.id}
        stamps = {"request_id": new_id(), "created_at": at, "updated_at": at}
        values = {**_NOTHING_YET, **whose, "platform": platform, **stamps}
        return await insert(tx, "appointment_meetings", values)

    def _wake(self, tx: Transaction) -> None:
        tx.after_commit(lambda: self._jobs.wake(WORK))


async def preferred_platform(tx: Transaction, practitioner_id: int | None) -> str:
    """Return where a practitioner prefers to meet; booking.md's default without one."""
    row = await tx.fetch_one(
        "SELECT preferred_video_platform FROM practitioners WHERE id = ?", practitioner_id
    )
    return DEFAULT_PLATFORM if row is None else str(row["preferred_video_platform"])


async def host_email(tx: Transaction, view: AppointmentView) -> str:
    """Return the address of the user in whose calendars an appointment stands."""
    if view.practitioner_email:
        return view.practitioner_email
    user = await tx.fetch_one("SELECT email FROM users WHERE id = ?", view.host_user_id)
    return "" if user is None else str(user["email"])
