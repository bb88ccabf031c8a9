"""Remembers what Zoom was asked for, because Zoom itself cannot tell a repeated request from a new one."""

from __future__ import annotations

from dataclasses import dataclass

from rallypoint.domains.booking.api import MeetingRequest
from rallypoint.sdk import PluginContext
from rallypoint_zoom.times import now

KEPT_MS = 30 * 86_400_000
"""For how long after its end a meeting is known."""
_HEARD_MS = 7 * 86_400_000
_MINUTE_MS = 60_000
_PRUNED = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """An earlier try of a request.

    Args:
        at: When Zoom was asked first, in milliseconds.
        meeting_id: What it made; empty when its answer is not known.
    """

    at: int
    meeting_id: str


class Book:
    """The meetings that were asked for.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._database = ctx.kernel.database

    async def ask(self, request: MeetingRequest) -> Asked | None:
        """Note that Zoom is about to be asked; returns the earlier try, None when this is the first."""
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "SELECT asked_at, meeting_id FROM zoom_meetings WHERE request_id = ?", request.request_id
            )
            if row is not None:
                return Asked(row["asked_at"], row["meeting_id"] or "")
            await tx.execute(
                "INSERT INTO zoom_meetings (account_id, mode, user_id, request_id, asked_at, ends_at, event_seq)"
                " VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (request_id) DO NOTHING",
                request.account_id,
                request.mode,
                request.user_id,
                request.request_id,
                now(),
                _end(request),
            )
        return None

    async def made(self, request: MeetingRequest, meeting_id: str) -> None:
        """Note what Zoom made, or that it moved."""
        async with self._database.transaction() as tx:
            await tx.execute(
                "UPDATE zoom_meetings SET meeting_id = ?, ends_at = ? WHERE request_id = ?",
                meeting_id,
                _end(request),
                request.request_id,
            )

    async def forget(self, request: MeetingRequest) -> None:
        """Note that Zoom has nothing of a request: it refused, or its meeting is gone."""
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM zoom_meetings WHERE request_id = ?", request.request_id)

    async def prune(self) -> None:
        """Delete some of what is too old to matter."""
        async with self._database.transaction() as tx:
            await tx.execute(
                "DELETE FROM zoom_meetings WHERE id IN"
                " (SELECT id FROM zoom_meetings WHERE ends_at < ? ORDER BY ends_at LIMIT ?)",
                now() - KEPT_MS,
                _PRUNED,
            )
            await tx.execute(
                "DELETE FROM zoom_heard WHERE id IN (SELECT id FROM zoom_heard WHERE at < ? ORDER BY at LIMIT ?)",
                now() - _HEARD_MS,
                _PRUNED,
            )


def _end(request: MeetingRequest) -> int:
    return request.start + request.duration * _MINUTE_MS
