"""Polls a user's sessions into rooms: Focusmate has no webhooks, so differences are found by looking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rallypoint.domains.rooms.api import ExternalRoom, Rooms
from rallypoint.sdk import Connection, PluginContext
from rallypoint_focusmate.client import fetch_me, fetch_sessions
from rallypoint_focusmate.mapping import SERVICE, cancelled_room, digest, is_over, room_of
from rallypoint_focusmate.schemas import Session
from rallypoint_focusmate.settings import FocusmateSettings
from rallypoint_focusmate.state import MAX_SESSIONS, OVER, Known, State

_DAY = 86_400_000
_OVERLAP = 3_600_000
_CURSOR_STEP = _OVERLAP // 4  # the overlap makes up for a cursor that is a little behind
_BATCH = 20
_MISSES_TO_CANCEL = 2
_KEY = "sync"


@dataclass(frozen=True, slots=True)
class _Write:
    """A room to write, in order, and what is known of its session afterwards (None: forget it)."""

    session_id: str
    rooms: tuple[ExternalRoom, ...]
    known: Known | None


class Sync:
    """Syncs connections, each by itself; the task of the plugin.

    Args:
        ctx: The plugin's view of the core.
        settings: The plugin's.
        clock: Milliseconds.
    """

    def __init__(
        self,
        ctx: PluginContext,
        settings: FocusmateSettings,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._clock = clock

    async def run(self, connection: Connection | None) -> None:
        """Bring the rooms of a connection's owner up to date; may be repeated at will.

        Rooms and what is remembered of them move in one transaction, in batches.
        """
        if connection is None:
            raise TypeError("sessions are synced for a connection")
        now = self._clock()
        before = State.load(await connection.store.get(_KEY))
        state = await self._with_me(connection, before)
        start, end = self._window(state, now)
        sessions, unreadable = await fetch_sessions(connection.client, start, end)
        if unreadable:
            self._ctx.log.warning("sessions that cannot be read", count=unreadable, connection=connection.id)
        writes = self._writes(connection, state, sessions, end, now)
        for batch in _batches(writes):
            state = await self._write(connection, state, batch)
        if now - before.synced_at >= _CURSOR_STEP or state.version != before.version:
            await self._save(connection, replace(state, synced_at=now))

    def _window(self, state: State, now: int) -> tuple[int, int]:
        """Return from when to when to look: after the first time only what may still change."""
        back = now - round(self._settings.look_back_days * _DAY)
        if state.synced_at:
            open_since = min(
                (known.start for known in state.sessions.values() if not known.over), default=now
            )
            back = max(back, min(open_since, state.synced_at - _OVERLAP))
        return back, now + round(self._settings.look_ahead_days * _DAY)

    async def _with_me(self, connection: Connection, state: State) -> State:
        if state.me and state.version == connection.version:
            return state
        me = await fetch_me(connection.client)
        return replace(state, me=me.user_id, version=connection.version)

    def _writes(
        self,
        connection: Connection,
        state: State,
        sessions: Sequence[Session],
        until: int,
        now: int,
    ) -> Sequence[_Write]:
        soonest = sorted(sessions, key=lambda session: (is_over(session, now), session.start))[:MAX_SESSIONS]
        seen = {session.session_id for session in sessions}
        changed = [write for session in soonest if (write := self._changed(connection, state, session, now))]
        missing = [
            self._missing(session_id, known, now)
            for session_id, known in state.sessions.items()
            if session_id not in seen and (known.over or known.start <= until)
        ]
        return [*changed, *missing]

    def _changed(self, connection: Connection, state: State, session: Session, now: int) -> _Write | None:
        known = state.sessions.get(session.session_id)
        over = is_over(session, now)
        if over and known is not None and known.over:
            return None
        room = room_of(
            session, self._settings.room_name, ended=False, me=state.me, my_user_id=connection.user_id
        )
        mark = digest(room)
        if over:  # first who was there, then the end
            finished = Known(session.start, session.end, room.room_type, OVER)
            return _Write(session.session_id, (room, replace(room, ended=True)), finished)
        if known is not None and (known.digest, known.misses) == (mark, 0):
            return None
        rooms = () if known is not None and known.digest == mark else (room,)
        return _Write(session.session_id, rooms, Known(session.start, session.end, room.room_type, mark))

    def _missing(self, session_id: str, known: Known, now: int) -> _Write:
        """A session that is not listed: over, cancelled, or, when it was there a moment ago, a hiccup."""
        if known.over:
            return _Write(session_id, (), None)
        if now < known.end and known.misses + 1 < _MISSES_TO_CANCEL:
            return _Write(session_id, (), replace(known, misses=known.misses + 1))
        room = cancelled_room(self._settings.room_name, known.start, known.end, known.room_type)
        return _Write(session_id, (room,), None)

    async def _write(self, connection: Connection, state: State, batch: Sequence[_Write]) -> State:
        sessions = dict(state.sessions)
        async with self._ctx.kernel.database.transaction():
            for write in sorted(batch, key=lambda one: one.session_id):  # one order: others hold rooms too
                for room in write.rooms:
                    await self._upsert(connection, write.session_id, room)
                sessions.pop(write.session_id, None)
                if write.known is not None:
                    sessions[write.session_id] = write.known
            after = replace(state, sessions=sessions)
            await self._save(connection, after)
        return after

    async def _upsert(self, connection: Connection, session_id: str, room: ExternalRoom) -> None:
        await self._ctx.service(Rooms).upsert_external(
            account_id=connection.account_id,
            mode=connection.mode,
            owner_id=connection.user_id,
            service=SERVICE,
            external_id=session_id,
            room=room,
        )

    async def _save(self, connection: Connection, state: State) -> None:
        await connection.store.set(_KEY, state.dump())


def _batches(writes: Sequence[_Write]) -> Iterable[Sequence[_Write]]:
    return (writes[at : at + _BATCH] for at in range(0, len(writes), _BATCH))
