"""One stay at a connection's calendar: what is due is done, and the claim is given back however that goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from rallypoint.domains.booking.calendars import claims
from rallypoint.domains.booking.calendars.adapter import Calendar
from rallypoint.domains.booking.calendars.channels import Channels
from rallypoint.domains.booking.calendars.claims import Claim, ClaimLost
from rallypoint.domains.booking.calendars.notes import Note
from rallypoint.domains.booking.calendars.pull import Pull
from rallypoint.domains.booking.calendars.push import Push
from rallypoint.errors import NeedsReauth, PluginError, RetryLater
from rallypoint.jobs.backoff import backoff
from rallypoint.storage import clock
from rallypoint.storage.database import Database

_log = structlog.stdlib.get_logger("rallypoint.calendars")


class Worker:
    """Does what is due for calendars that are claimed.

    Args:
        database: Where the claims are.
        pull: Reads.
        push: Writes.
        channels: Has changes told.
        note: Tells the connection's owner.
        done: Called with how things stand when a claim was given back.
    """

    def __init__(
        self,
        database: Database,
        pull: Pull,
        push: Push,
        channels: Channels,
        note: Note,
        done: Callable[[Claim], None],
    ) -> None:
        self._database, self._pull, self._push = database, pull, push
        self._channels, self._note, self._done = channels, note, done

    async def poll(self, calendar: Calendar, claim: Claim) -> None:
        """Read what has changed; errors as ``Pull.run``, but for a lost claim, with which others go on."""
        try:
            after: Claim | None = await self._pull.run(calendar, claim)
        except ClaimLost:
            return
        except BaseException as error:
            await self._let_go(claim)
            if isinstance(error, PluginError) and not isinstance(error, NeedsReauth):
                await self._note(claim, "failed", f"reading: {error}")
            raise
        self._tell(after)

    async def run(self, calendar: Calendar, claim: Claim) -> NeedsReauth | None:
        """Do what is due, reading before writing; what fails is put off.

        Returns:
            Why the credential is refused, if it is.
        """
        try:
            if _is_due(claim.poll_at) or (claim.last_sync_at is None and claim.poll_at is None):
                await self._read(calendar, claim)
            elif (
                claim.last_sync_at is None
            ):  # a first look that failed is waited for: nothing is written before it
                await self._let_go(claim)
            else:
                await self._serve(calendar, claim)
        except NeedsReauth as error:
            await self._let_go(claim)
            return error
        except ClaimLost:
            return None
        except BaseException:
            await self._let_go(claim)
            raise
        return None

    async def _read(self, calendar: Calendar, claim: Claim) -> None:
        try:
            self._tell(await self._pull.run(calendar, claim))
        except NeedsReauth:
            raise
        except PluginError as error:
            again = clock.now() + backoff(claim.failures + 1, _after(error))
            await self._note(claim, "failed", f"reading: {error}", until=again)
            await self._let_go(claim, failures=claim.failures + 1, poll_at=again)

    async def _serve(self, calendar: Calendar, claim: Claim) -> None:
        await self._push.run(calendar, claim)
        if not _is_due(claim.watch_at):
            return await self._let_go(claim)
        try:
            columns = {"failures": 0, "watch_at": await self._channels.tend(calendar, claim)}
        except NeedsReauth:
            raise
        except PluginError as error:
            at = await self._channels.failed(claim, error)
            columns = {"failures": claim.failures + 1, "watch_at": at}
        await self._let_go(claim, **columns)
        return None

    async def _let_go(self, claim: Claim, **columns: Any) -> None:
        self._tell(await claims.release(self._database, claim, **columns))

    def _tell(self, after: Claim | None) -> None:
        if after is not None:
            self._done(after)


def _is_due(at: int | None) -> bool:
    return at is not None and at <= clock.now()


def _after(error: PluginError) -> float | None:
    return error.after if isinstance(error, RetryLater) else None
