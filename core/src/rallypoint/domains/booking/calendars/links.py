"""Appointments and their events: which of them differ, and since when somebody should see to it.

An appointment's change writes what is wanted in its own transaction; the push later makes the event look like the
appointment as it is then, so that neither order nor repetition of pushes matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from rallypoint.domains.booking.api import AppointmentView, ExternalEvent
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

Wake = Callable[[str, str], None]
_MAX_ERROR = 300
_COLUMNS = (
    "id, connection_id, service, appointment_id, external_id, etag, external_updated, start_at, end_at,"
    " made_there, text_mark, generation, wanted_seq, pushed_seq, next_at, failures, error, run"
)
_NEW = (
    f"INSERT INTO booking_calendar_links ({_COLUMNS})"  # noqa: S608 - constants alone
    " SELECT c.connection_id || '/' || {appointment}, c.connection_id, c.service, {appointment_id}, NULL, '', 0,"
    " NULL, NULL, CAST(? AS BOOLEAN), '', 0, {seq}, 0, CAST(? AS BIGINT), 0, '', 0 FROM booking_calendar_cursors c"
)
_FOR_APPOINTMENT = (
    _NEW.format(appointment="CAST(? AS TEXT)", appointment_id="CAST(? AS BIGINT)", seq="CAST(? AS BIGINT)")
    + " WHERE c.account_id = ? AND c.user_id = ? AND c.mode = ? AND c.connection_id <> ?"
    " ON CONFLICT (id) DO NOTHING RETURNING connection_id, service"
)
_FOR_CONNECTION = (
    _NEW.format(appointment="CAST(a.id AS TEXT)", appointment_id="a.id", seq="a.seq")
    + " JOIN appointments a ON a.account_id = c.account_id AND a.mode = c.mode"
    " LEFT JOIN practitioners p ON p.id = a.practitioner_id"
    " WHERE c.connection_id = ? AND COALESCE(p.user_id, a.user_id) = c.user_id AND a.status = 'confirmed'"
    " AND a.start_at > ? ON CONFLICT (id) DO NOTHING"
)


class Links:
    """What an appointment's own transaction tells the calendars.

    Args:
        wake: Called after the commit with service and connection of a calendar that has something to be written.
    """

    def __init__(self, wake: Wake) -> None:
        self._wake = wake

    async def appointment_changed(self, tx: Transaction, view: AppointmentView, origin: str = "") -> None:
        """Have an appointment that was made or changed written to its host's calendars.

        Only rows of links are locked, in the order of their ids, after the caller's own row of the appointment.

        Args:
            tx: The appointment's transaction.
            view: As it is after the change.
            origin: Id of the connection whose calendar made the change: it knows already.
        """
        if view.mode != "live":  # the sandbox has no calendars
            return
        touched: list[Row] = []
        links = "SELECT id FROM booking_calendar_links WHERE appointment_id = ? ORDER BY id"
        if await tx.lock(links, view.id) is not None:
            touched += await tx.fetch(
                "UPDATE booking_calendar_links SET wanted_seq = ?, next_at = ?"
                " WHERE appointment_id = ? AND connection_id <> ? RETURNING connection_id, service",
                view.seq,
                clock.now(),
                view.id,
                origin,
            )
        if view.status == "confirmed":
            touched += await tx.fetch(
                _FOR_APPOINTMENT,
                str(view.id),
                view.id,
                False,
                view.seq,
                clock.now(),
                view.account_id,
                view.host_user_id,
                view.mode,
                origin,
            )
        for row in touched:
            tx.after_commit(partial(self._wake, row["service"], row["connection_id"]))


def link_id(connection_id: str, appointment_id: int) -> str:
    """Return the id of a link."""
    return f"{connection_id}/{appointment_id}"


async def link_all(tx: Transaction, connection_id: str) -> None:
    """Have every appointment of the calendar's owner that is still to come written to it."""
    at = clock.now()
    await tx.execute(_FOR_CONNECTION, False, at, connection_id, at)


async def find(tx: Transaction, id_: str) -> Row | None:
    """Return a link as it is in a transaction."""
    return await tx.fetch_one("SELECT * FROM booking_calendar_links WHERE id = ?", id_)


async def event_id(database: Database, id_: str) -> str | None:
    """Return the event of a link; empty while it waits to be made, None when there is none to wait for."""
    async with database.transaction() as tx:  # the writer: what was committed last is seen
        row = await find(tx, id_)
    if row is None or (row["external_id"] is None and row["next_at"] is None):
        return None
    return str(row["external_id"] or "")


async def add(tx: Transaction, connection_id: str, service: str, appointment_id: int, **columns: Any) -> None:
    """Write the link of an appointment that has an event already.

    Args:
        tx: Claimed.
        connection_id: Of the calendar.
        service: Of the connection.
        appointment_id: Of an appointment without a link to this calendar.
        columns: Every other column that is not to have its default.
    """
    values = {
        "id": link_id(connection_id, appointment_id),
        "connection_id": connection_id,
        "service": service,
        "appointment_id": appointment_id,
        "etag": "",
        "external_updated": 0,
        "made_there": False,
        "text_mark": "",
        "generation": 0,
        "pushed_seq": 0,
        "failures": 0,
        "error": "",
        "run": 0,
        **columns,
    }
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    await tx.execute(
        f"INSERT INTO booking_calendar_links ({names}) VALUES ({marks})",  # noqa: S608
        *values.values(),
    )


async def update(tx: Transaction, id_: str, **columns: Any) -> None:
    """Change columns of a link."""
    names = ", ".join(f"{name} = ?" for name in columns)
    await tx.execute(
        f"UPDATE booking_calendar_links SET {names} WHERE id = ?",  # noqa: S608
        *columns.values(),
        id_,
    )


async def remove(tx: Transaction, id_: str) -> None:
    """Delete a link."""
    await tx.execute("DELETE FROM booking_calendar_links WHERE id = ?", id_)


def known(event: ExternalEvent) -> dict[str, Any]:
    """Return the columns that remember an event as both sides have it now."""
    columns: dict[str, Any] = {"etag": event.etag, "external_updated": event.updated}
    if event.status == "confirmed" and not event.all_day:
        columns |= {"start_at": event.start, "end_at": event.end}
    return columns


async def pushed(tx: Transaction, id_: str, seq: int, **columns: Any) -> None:
    """Note that the event is as the appointment was at ``seq``; a later change stays due."""
    names = "".join(f", {name} = ?" for name in columns)
    await tx.execute(
        "UPDATE booking_calendar_links SET pushed_seq = ?, failures = 0, error = '',"  # noqa: S608
        f" next_at = CASE WHEN wanted_seq > ? THEN next_at ELSE NULL END{names} WHERE id = ?",
        seq,
        seq,
        *columns.values(),
        id_,
    )


async def make_due(tx: Transaction, id_: str, **columns: Any) -> None:
    """Have the event written anew, whether or not the appointment has changed."""
    names = "".join(f", {name} = ?" for name in columns)
    await tx.execute(
        "UPDATE booking_calendar_links SET pushed_seq = CASE WHEN pushed_seq < wanted_seq THEN pushed_seq"  # noqa: S608
        f" ELSE wanted_seq - 1 END, next_at = ?, failures = 0{names} WHERE id = ?",
        clock.now(),
        *columns.values(),
        id_,
    )


async def seen(tx: Transaction, ids: Iterable[str], run: int) -> None:
    """Note that a full look has found the events of these links."""
    rows = [(run, id_) for id_ in sorted(ids)]
    if rows:
        await tx.execute_many("UPDATE booking_calendar_links SET run = ? WHERE id = ?", rows)


async def failed(tx: Transaction, id_: str, failures: int, next_at: int | None, error: str) -> None:
    """Put a write off; ``next_at`` None gives it up until the appointment changes or its owner connects anew."""
    await update(tx, id_, failures=failures, next_at=next_at, error=error[:_MAX_ERROR])


async def postpone(tx: Transaction, connection_id: str, until: int) -> None:
    """Put off everything that waits to be written to a calendar."""
    await tx.execute(
        "UPDATE booking_calendar_links SET next_at = ? WHERE connection_id = ? AND next_at < ?",
        until,
        connection_id,
        until,
    )


async def park(tx: Transaction, connection_id: str) -> None:
    """Let nothing be due; what differs stays known."""
    await tx.execute(
        "UPDATE booking_calendar_links SET next_at = NULL WHERE connection_id = ?", connection_id
    )


async def unpark(tx: Transaction, connection_id: str) -> None:
    """Let everything be due that differs."""
    await tx.execute(
        "UPDATE booking_calendar_links SET next_at = ?, failures = 0"
        " WHERE connection_id = ? AND wanted_seq > pushed_seq",
        clock.now(),
        connection_id,
    )


async def due(database: Database, connection_id: str, limit: int) -> Sequence[Row]:
    """Return links whose event is to be written now, the longest waiting first; what failed comes last."""
    return await database.fetch(
        "SELECT * FROM booking_calendar_links WHERE connection_id = ? AND next_at <= ?"
        " ORDER BY failures, next_at, id LIMIT ?",
        connection_id,
        clock.now(),
        limit,
    )
