"""Push channels: opened, renewed before they end with some overlap, closed; polling goes on beside them.

A row is written before the provider is asked, so that its first notification finds it, and a channel whose opening
was broken off is replaced. Notifications of channels that are closing or unknown are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from rallypoint.domains.booking.api import Watch, WatchRequest
from rallypoint.domains.booking.calendars.adapter import Calendar
from rallypoint.domains.booking.calendars.claims import Claim
from rallypoint.domains.booking.calendars.notes import Note
from rallypoint.errors import NeedsReauth, PermanentFailure, PluginError
from rallypoint.jobs.backoff import backoff
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row
from rallypoint.storage.ids import new_id

TTL_SECONDS = 7 * 86_400
_OPENING_MS = 5 * clock.MINUTE
_CLOSE_AGAIN_MS = 10 * clock.MINUTE
_RENEW_SHARE = 0.2
_RENEW_AT_MOST = clock.DAY
_OF = "SELECT * FROM booking_calendar_channels WHERE connection_id = ? ORDER BY created_at, id LIMIT 20"
_log = structlog.stdlib.get_logger("rallypoint.calendars")


class Channels:
    """The push channels of connections.

    Args:
        database: Where their rows are.
        note: Tells the connection's owner.
        token: Makes the token of a channel from its id.
        public_url: Of this server, without a slash at the end.
        private: Whether addresses that are not ``https`` may be given to providers, as to fakes.
    """

    def __init__(
        self,
        database: Database,
        note: Note,
        token: Callable[[str], str],
        *,
        public_url: str,
        private: bool,
    ) -> None:
        self._database, self._note, self._token = database, note, token
        self._public_url, self._private = public_url.rstrip("/"), private

    async def tend(self, calendar: Calendar, claim: Claim) -> int | None:
        """Open, renew and close what wants it.

        Returns:
            When to look again (ms); None where the provider sends nothing or cannot reach this server.

        Raises:
            NeedsReauth: The credential is refused.
        """
        address = self._address(calendar)
        rows = await self._database.fetch(_OF, claim.connection_id)
        if not address:
            await self._close(calendar, rows)
            return None
        now = clock.now()
        current = next((row for row in reversed(rows) if _serves(row, now)), None)
        if current is None or _renew_at(current) <= now:
            current = await self._renewed(calendar, claim, current, address)
        closed = await self._close(calendar, [row for row in rows if row["id"] != current["id"]])
        until = _renew_at(current)
        await self._note(claim, "renewal", until=until)
        return until if closed else min(until, now + _CLOSE_AGAIN_MS)

    async def failed(self, claim: Claim, error: PluginError) -> int:
        """Note that a channel could not be opened, and return when to try again (ms)."""
        failures = claim.failures + 1
        wait = clock.DAY if isinstance(error, PermanentFailure) else backoff(failures + 4)
        await self._note(claim, "failed", f"push notifications: {error}", until=clock.now() + wait)
        return clock.now() + wait

    async def forget(self, calendar: Calendar) -> None:
        """Close every channel of a connection, as far as the provider listens."""
        await self._close(calendar, await self._database.fetch(_OF, calendar.connection.id))

    async def notified(
        self, service: str, channel_id: str, resource_id: str, number: int, state: str = ""
    ) -> str:
        """Take a notification.

        Args:
            service: Whose it claims to be.
            channel_id: Ours.
            resource_id: The provider's; empty when it names none.
            number: Of the message; 0 where the provider does not count.
            state: ``renew`` and ``removed`` are about the channel itself.

        Returns:
            Whose calendar has changed; empty when the channel is not in use, or something later came already.
        """
        async with self._database.transaction() as tx:
            row = await tx.lock(
                "SELECT * FROM booking_calendar_channels WHERE id = ? AND service = ?", channel_id, service
            )
            if row is None or row["closing"] or not _is_resource(row, resource_id):
                return ""
            if number:
                if number <= row["message_number"]:
                    return ""
                await tx.execute(
                    "UPDATE booking_calendar_channels SET message_number = ? WHERE id = ?", number, channel_id
                )
            if state == "renew":
                await tx.execute(
                    "UPDATE booking_calendar_channels SET renew_at = ? WHERE id = ?", clock.now(), channel_id
                )
            elif state == "removed":
                await tx.execute("DELETE FROM booking_calendar_channels WHERE id = ?", channel_id)
        return str(row["connection_id"])

    def _address(self, calendar: Calendar) -> str:
        path = calendar.adapter.provider.notify_path
        reachable = self._private or self._public_url.startswith("https://")
        return f"{self._public_url}{path}" if path and reachable else ""

    async def _renewed(self, calendar: Calendar, claim: Claim, current: Row | None, address: str) -> Row:
        if current is not None:
            request = WatchRequest(current["id"], address, self._token(current["id"]), TTL_SECONDS)
            try:
                if (renewed := await calendar.renew(_watch(current), request)) is not None:
                    return await self._opened(current["id"], renewed)
            except PermanentFailure as error:  # it is gone there: a new one takes its place
                _log.info("a push channel cannot be renewed", channel=current["id"], error=str(error))
        return await self._open(calendar, claim, address)

    async def _open(self, calendar: Calendar, claim: Claim, address: str) -> Row:
        channel_id, at = new_id(), clock.now()
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT INTO booking_calendar_channels (id, connection_id, service, external_id, resource_id,"
                " expires_at, closing, message_number, created_at) VALUES (?, ?, ?, '', '', ?, ?, 0, ?)",
                channel_id,
                claim.connection_id,
                claim.service,
                at + _OPENING_MS,
                False,
                at,
            )
        request = WatchRequest(channel_id, address, self._token(channel_id), TTL_SECONDS)
        return await self._opened(channel_id, await calendar.watch(request))

    async def _opened(self, channel_id: str, watch: Watch) -> Row:
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "UPDATE booking_calendar_channels SET external_id = ?, resource_id = ?, expires_at = ?,"
                " renew_at = NULL WHERE id = ? RETURNING *",
                watch.external_id or channel_id,
                watch.resource_id,
                watch.expires_at,
                channel_id,
            )
        if row is None:
            raise PermanentFailure("the connection is gone")
        return row

    async def _close(self, calendar: Calendar, rows: Sequence[Row]) -> bool:
        """Close channels; False when one cannot be closed now and has not ended by itself either."""
        return all([await self._close_one(calendar, row) for row in rows])

    async def _close_one(self, calendar: Calendar, row: Row) -> bool:
        closing = "UPDATE booking_calendar_channels SET closing = ? WHERE id = ?"
        await self._execute(closing, True, row["id"])
        try:
            if row["external_id"]:
                await calendar.unwatch(_watch(row))
        except NeedsReauth:
            raise
        except PluginError as error:
            _log.info("a push channel is not closed yet", channel=row["id"], error=str(error))
            if row["expires_at"] > clock.now() and not isinstance(error, PermanentFailure):
                return False
        await self._execute("DELETE FROM booking_calendar_channels WHERE id = ?", row["id"])
        return True

    async def _execute(self, sql: str, *args: object) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(sql, *args)


def _watch(row: Row) -> Watch:
    return Watch(row["external_id"], row["resource_id"], row["expires_at"])


def _serves(row: Row, now: int) -> bool:
    return bool(row["external_id"]) and not row["closing"] and row["expires_at"] > now


def _renew_at(row: Row) -> int:
    """Return when a channel is to be replaced: with a fifth of its life left, a day at most, or when asked to."""
    if row["renew_at"] is not None:
        return int(row["renew_at"])
    ends: int = row["expires_at"]
    life = max(0, ends - int(row["created_at"]))
    return ends - min(_RENEW_AT_MOST, round(life * _RENEW_SHARE))


def _is_resource(row: Row, resource_id: str) -> bool:
    """Tell whether a notification is about what the channel watches, as far as both are known."""
    return not row["resource_id"] or not resource_id or row["resource_id"] == resource_id
