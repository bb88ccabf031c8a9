"""The outbox: durable events are rows, written in the transaction of the change they tell of."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

import orjson

from rallypoint.events.rows import SELECT, event_of, message_of, messages_of
from rallypoint.events.types import Draft, Event, EventType
from rallypoint.jobs.api import Jobs
from rallypoint.realtime.channel import Message, Replay, RowChange
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.webhooks.canonical import canonical_json

FANOUT = "events.fanout"
_MARK = "events.mark_pushed"
_SWEEP = "events.push_unpushed"
MARK_DELAY = 250
"""Milliseconds between a push and its mark: long enough for a batch, far below :data:`LOST_AFTER`."""
LOST_AFTER = 2_000
"""Milliseconds after which an unmarked event counts as never pushed, its process having been killed."""
_BATCH = 200
_MAX_REPLAY = 1_000


class Publisher(Protocol):
    """What the outbox needs of the hub."""

    def publish(self, message: Message) -> None:
        """Send a message to every member of its topic; never waits, never raises."""
        ...


class Outbox:
    """Durable events of one process.

    Args:
        database: Where the rows are.
        jobs: Woken after commit, for the fan-out.
        hub: Where events are pushed right after commit.
    """

    def __init__(self, database: Database, jobs: Jobs, hub: Publisher) -> None:
        self._database = database
        self._jobs = jobs
        self._hub = hub
        self._pushed: list[str] = []
        self.types: dict[str, EventType] = {}
        jobs.handle(_MARK, self._mark_pushed, local=True)
        jobs.every(LOST_AFTER / 1000, _SWEEP, self.push_unpushed)

    def declare(self, types: Iterable[EventType]) -> None:
        """Make types known; only declared ones can be added.

        Raises:
            ValueError: A name is taken.
        """
        for kind in types:
            if kind.name in self.types:
                raise ValueError(f"the event {kind.name!r} is declared already")
            self.types[kind.name] = kind

    async def add(self, tx: Transaction, draft: Draft) -> Event:
        """Write an event; it is pushed and fanned out once ``tx`` is committed.

        Raises:
            LookupError: Its type was never declared.
            TypeError, ValueError: Its payload is not JSON.
        """
        if draft.type not in self.types:
            raise LookupError(f"the event {draft.type!r} was never declared")
        event = Event(
            id=new_id(),
            type=draft.type,
            account_id=draft.account_id,
            mode=draft.mode,
            subject=draft.subject,
            seq=draft.seq,
            topics=tuple(draft.topics),
            body=canonical_json(draft.payload),
            at=clock.now(),
            actor_id=draft.actor_id,
            changes=tuple(draft.changes),
        )
        await self._insert(tx, event)
        tx.after_commit(partial(self._committed, event, draft))
        return event

    async def since(self, topic: str, event_id: str) -> Replay:
        """Return what was published on ``topic`` after an event, in order, for ``Channel.replay``.

        Order exists within a subject only, so a topic that is not its events' subject is to be read anew
        (``resync``), as is one whose events are no longer kept, or too many.
        """
        last = await self._database.fetch_one("SELECT subject, seq FROM events WHERE id = ?", event_id)
        if last is None or last["subject"] != topic:
            return Replay(resync=True)
        rows = await self._database.fetch(
            SELECT + "WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?",
            topic,
            last["seq"],
            _MAX_REPLAY + 1,
        )
        if len(rows) > _MAX_REPLAY:
            return Replay(resync=True)
        events = [event_of(row) for row in rows]
        return Replay([message_of(event, topic) for event in events if topic in event.topics])

    async def push_unpushed(self) -> None:
        """Push what a killed process left unpushed; clients drop a repeated id."""
        rows = await self._database.fetch(
            SELECT + "WHERE push_at <= ? ORDER BY push_at, subject, seq LIMIT ?",
            clock.now() - LOST_AFTER,
            _BATCH,
        )
        for event in map(event_of, rows):
            for message in messages_of(event):
                self._hub.publish(message)
            self._mark_soon(event.id)
        if len(rows) == _BATCH:
            await self._mark_pushed("")
            self._jobs.wake(_SWEEP)

    @staticmethod
    async def _insert(tx: Transaction, event: Event) -> None:
        await tx.execute(
            "INSERT INTO events (id, type, account_id, mode, subject, seq, topics, body, actor_id, changes,"
            " at, push_at, fan_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            event.id,
            event.type,
            event.account_id,
            event.mode,
            event.subject,
            event.seq,
            orjson.dumps(event.topics).decode(),
            event.body,
            event.actor_id,
            canonical_json(event.changes).decode(),
            event.at,
            event.at,
            event.at,
        )

    def _committed(self, event: Event, draft: Draft) -> None:
        changes = tuple(RowChange(**change) for change in event.changes)
        for topic in event.topics:
            seq = event.seq if topic == event.subject else 0
            self._hub.publish(
                Message(topic, event.type, draft.payload, event.id, event.at, event.body, changes, seq=seq)
            )
        self._mark_soon(event.id)
        self._jobs.wake(FANOUT)

    def _mark_soon(self, event_id: str) -> None:
        if not self._pushed:
            self._jobs.wake_at(clock.now() + MARK_DELAY, _MARK)
        self._pushed.append(event_id)

    async def _mark_pushed(self, _key: str) -> None:
        pushed, self._pushed = self._pushed, []
        if not pushed:
            return
        async with self._database.transaction() as tx:
            await tx.execute_many(
                "UPDATE events SET push_at = NULL WHERE id = ?", [(id_,) for id_ in sorted(pushed)]
            )
