"""A calendar provider in memory, as strict as the real ones: etags, positions, 410, failures on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from itertools import count

from rallypoint.connections.api import Connection
from rallypoint.domains.booking.api import (
    CalendarEvent,
    CalendarProvider,
    Changed,
    ChangePage,
    CursorExpired,
    ExternalEvent,
    ExternalRef,
    Gone,
    Watch,
    WatchRequest,
)
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater
from rallypoint.storage import clock

SERVICE = "memory_calendar"
UID = set("abcdefghijklmnopqrstuv0123456789")


@dataclass
class Fault:
    """What goes wrong with one call: before it takes effect, or, with ``lost``, with its reply alone."""

    error: BaseException = field(default_factory=lambda: RetryLater("away", after=0))
    lost: bool = False


class MemoryCalendar:
    """One account's calendar.

    Attributes:
        events: Everything there is, deleted events included.
        writes: What was written through the provider, oldest first: operation and event.
        requests: Every call through the provider that was let in.
        faults: By operation, what happens to its next calls.
        channels: Open push channels by the provider's id.
        hidden: Ids of events that no list shows, as those outside a provider's window.
    """

    def __init__(self, page_size: int = 3, now: Callable[[], int] = clock.now) -> None:
        self.page_size, self.now = page_size, now
        self.events: dict[str, ExternalEvent] = {}
        self.writes: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self.faults: dict[str, list[Fault]] = {}
        self.channels: dict[str, WatchRequest] = {}
        self.channel_life = 3_600_000
        self.hidden: set[str] = set()
        self.before: Callable[[str], None] = lambda operation: None
        self._log: list[str] = []
        self._oldest = 0
        self._etags, self._ids, self._updated = count(1), count(1), 0

    # What the provider's user does

    def add(self, start: int, end: int, **more: object) -> str:
        """Make an event by hand."""
        id_ = f"theirs{next(self._ids)}"
        self._put(ExternalEvent(id_, "", 0, "confirmed", start, end, **more))  # type: ignore[arg-type]
        return id_

    def change(self, id_: str, **more: object) -> None:
        """Change an event by hand, or restore a deleted one (``status``)."""
        self._put(replace(self.events[id_], **more))  # type: ignore[arg-type]

    def remove(self, id_: str) -> None:
        """Delete an event by hand."""
        self.change(id_, status="cancelled")

    def forget_cursors(self) -> None:
        """Answer 410 to every position so far."""
        self._oldest = len(self._log) + 1
        self._log.append("")

    def empty(self) -> None:
        """Be another account's calendar."""
        self.events.clear()
        self.writes.clear()
        self._log.clear()

    def fail(
        self, operation: str, error: BaseException | None = None, *, lost: bool = False, times: int = 1
    ) -> None:
        """Let the next calls of an operation go wrong."""
        fault = Fault(lost=lost) if error is None else Fault(error, lost)
        self.faults.setdefault(operation, []).extend([fault] * times)

    @property
    def standing(self) -> list[ExternalEvent]:
        """Events that are not deleted, by start."""
        found = [event for event in self.events.values() if event.status == "confirmed"]
        return sorted(found, key=lambda event: (event.start or 0, event.id))

    # What the adapter does

    def provider(self, **more: object) -> CalendarProvider:
        """Return the adapter."""
        return CalendarProvider(
            SERVICE,
            "Memory",
            insert=self.insert,
            update=self.update,
            delete=self.delete,
            get=self.get,
            changes=self.changes,
            watch=self.watch,
            unwatch=self.unwatch,
            **more,  # type: ignore[arg-type]
        )

    async def insert(self, connection: Connection, event: CalendarEvent) -> ExternalEvent:
        with _Call(self, "insert"):
            assert set(event.uid) <= UID
            assert 5 <= len(event.uid) <= 1024
            assert not event.only_time
            assert event.start < event.end
            if event.uid in self.events:
                return self.events[event.uid]
            self.writes.append(("insert", event.uid))
            return self._put(_made(event))

    async def update(self, connection: Connection, ref: ExternalRef, event: CalendarEvent) -> ExternalEvent:
        with _Call(self, "update"):
            now = self.events.get(ref.id)
            if now is None or now.status == "cancelled":
                raise Gone
            if ref.etag and ref.etag != now.etag:
                raise Changed(now)
            self.writes.append(("update", ref.id))
            timed = replace(now, start=event.start, end=event.end, all_day=False)
            if event.only_time:
                return self._put(timed)
            assert now.appointment_key in ("", event.uid), "an event has one appointment"
            return self._put(replace(timed, summary=event.summary, description=event.description))

    async def delete(self, connection: Connection, ref: ExternalRef) -> None:
        with _Call(self, "delete"):
            now = self.events.get(ref.id)
            if now is not None and now.status == "confirmed":
                self.writes.append(("delete", ref.id))
                self._put(replace(now, status="cancelled"))

    async def get(self, connection: Connection, event_id: str) -> ExternalEvent | None:
        with _Call(self, "get"):
            return self.events.get(event_id)

    async def changes(self, connection: Connection, position: str) -> AsyncIterator[ChangePage]:
        """Positions: ``c<seq>`` of a cursor, ``p<since>.<upto>.<done>`` of a page; since -1 reads everything."""
        since, upto, done = self._position(position)
        while True:
            with _Call(self, "changes"):
                if since >= 0 and since < self._oldest:
                    raise CursorExpired
                ids = list(dict.fromkeys(id_ for id_ in self._log[max(since, 0) : upto] if id_))
                page: list[ExternalEvent] = []
                while done < len(ids) and len(page) < self.page_size:
                    page += [self.events[ids[done]]] if since >= 0 or self._is_listed(ids[done]) else []
                    done += 1
                last = done >= len(ids)
            yield ChangePage(page, "" if last else f"p{since}.{upto}.{done}", f"c{upto}" if last else "")
            if last:
                return

    async def watch(self, connection: Connection, request: WatchRequest) -> Watch:
        with _Call(self, "watch"):
            assert len(request.channel_id) <= 64
            self.channels[request.channel_id] = request
            return Watch(request.channel_id, f"resource of {connection.id}", self.now() + self.channel_life)

    async def unwatch(self, connection: Connection, watch: Watch) -> None:
        with _Call(self, "unwatch"):
            self.channels.pop(watch.external_id, None)

    def _position(self, position: str) -> tuple[int, int, int]:
        if not position:
            return -1, len(self._log), 0
        if position.startswith("c"):
            return int(position[1:]), len(self._log), 0
        since, upto, done = position[1:].split(".")
        return int(since), int(upto), int(done)

    def _is_listed(self, id_: str) -> bool:
        return self.events[id_].status == "confirmed" and id_ not in self.hidden

    def _put(self, event: ExternalEvent) -> ExternalEvent:
        self._updated = max(self._updated, self.now())
        stored = replace(event, etag=f'"{next(self._etags)}"', updated=self._updated)
        self.events[event.id] = stored
        self._log.append(event.id)
        return stored


class _Call:
    """A call under way: let in, refused, or done with its reply lost."""

    def __init__(self, calendar: MemoryCalendar, operation: str) -> None:
        calendar.before(operation)
        faults = calendar.faults.get(operation, [])
        self._fault = faults.pop(0) if faults else None
        calendar.requests.append(operation)

    def __enter__(self) -> None:
        if self._fault is not None and not self._fault.lost:
            raise self._fault.error

    def __exit__(self, kind: type[BaseException] | None, *_more: object) -> None:
        if kind is None and self._fault is not None:
            raise self._fault.error


def _made(event: CalendarEvent) -> ExternalEvent:
    return ExternalEvent(
        event.uid,
        "",
        0,
        "confirmed",
        event.start,
        event.end,
        event.timezone,
        summary=event.summary,
        description=event.description,
        attendees=event.attendees,
        appointment_key=event.uid,
    )


class Killed(BaseException):
    """The process died where it was."""


REFUSED = PermanentFailure("refused", status=403)
DEAD = NeedsReauth("invalid_grant")
