"""Presence over all processes: each keeps its own members in Redis, and everybody else's in memory.

A topic has a hash with a field for each meta of each process. A process that gets its first member on a topic
reads the hash, and hears of changes on the topic's channel from then on. What is written is always the state a
meta has now, so that anything may be written again. A process without heartbeat is forgotten by each of the others
by itself, for its own members: every client hears of the leave once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from rallypoint.realtime.channel import Message
from rallypoint.realtime.presence import Presence
from rallypoint.redis.link import FAILURES, Link
from rallypoint.redis.wire import pack
from rallypoint.storage import clock

SUSPECT_SECONDS = 8.0
"""How long a heartbeat must be missed: after a restart of Redis, all are missing for a moment."""
TTL_SECONDS = 86_400
REFRESH_SECONDS = 3_600.0

Meta = tuple[str, Mapping[str, Any] | None]
"""Key and meta; no meta once it is gone."""


class SharedPresence:
    """Keeps a hub's presence the same as that of others.

    Args:
        link: To Redis.
        channel: Returns the channel of a topic.
        tag: Stands before what is sent there.
        deliver: Takes messages for the members in this process.
    """

    def __init__(
        self, link: Link, channel: Callable[[str], str], tag: bytes, deliver: Callable[[Message], None]
    ) -> None:
        self._link, self._channel, self._tag, self._deliver = link, channel, tag, deliver
        self._presence = Presence()
        self._own: dict[str, dict[str, Meta]] = {}
        self._unsent: dict[str, dict[str, Meta]] = {}
        self._announced: set[str] = set()
        self._others: dict[str, dict[str, tuple[str, str]]] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._left: dict[str, set[str]] = {}
        self._missing: dict[str, float] = {}
        self._writer: asyncio.Task[None] | None = None
        self._reload_at = 0.0
        self._refreshed = time.monotonic()
        link.add(self)
        link.recovered.append(self._write)

    def attach(self, presence: Presence) -> None:
        """Share a hub's presence."""
        self._presence = presence
        presence.changed = self._changed

    async def load(self, topic: str) -> None:
        """Know who is on a topic elsewhere; returns when that is so, or Redis is away."""
        if topic not in self._others:
            self._others[topic] = {}
            self._loading[topic] = asyncio.create_task(self._read(topic), name="redis presence")
        if topic in self._loading:
            await asyncio.shield(self._loading[topic])

    def unload(self, topic: str) -> None:
        """Forget who is on a topic elsewhere."""
        others = self._others.pop(topic, {})
        self._presence.merge(topic, (), [(key, ref) for ref, (_process, key) in others.items()])

    def take(self, topic: str, process: str, frame: bytes) -> None:
        """Hear what changed in another process."""
        if topic not in self._others:
            return
        changes = orjson.loads(frame)
        self._missing.pop(process, None)
        self._left.get(topic, set()).update(ref for ref, (_key, meta) in changes.items() if meta is None)
        self._apply(topic, process, changes)

    async def resume(self) -> None:
        """Have everything of this process written again, and others' looked through once they did likewise."""
        for topic, metas in self._own.items():
            self._unsent.setdefault(topic, {}).update(metas)
        self._missing.clear()
        self._reload_at = time.monotonic() + SUSPECT_SECONDS
        await self._read_all()

    async def check(self) -> None:
        """Forget processes that are dead, and keep what this one wrote from expiring."""
        now = time.monotonic()
        if self._reload_at and now > self._reload_at:
            self._reload_at = 0.0
            await self._read_all(whole=True)
        if now - self._refreshed > REFRESH_SECONDS:
            self._refreshed = now
            await self.resume()
            self._write()
        await self._bury_the_dead(now)

    async def close(self) -> None:
        """Write what is to be written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    # Our own members

    def _changed(self, topic: str, key: str, ref: str, meta: Mapping[str, Any] | None) -> None:
        own = self._own.setdefault(topic, {})
        if meta is not None:
            own[ref] = (key, meta)
        else:
            own.pop(ref, None)
            if not own:
                del self._own[topic]
        unsent = self._unsent.setdefault(topic, {})
        if meta is None and ref not in self._announced:
            unsent.pop(ref, None)  # nobody ever heard of it
        else:
            unsent[ref] = (key, meta)
        self._write()

    def _write(self) -> None:
        if self._link.up and self._unsent and self._writer is None:
            self._writer = asyncio.create_task(self._drain(), name="redis presence")

    async def _drain(self) -> None:
        try:
            while self._unsent and self._link.up:
                batch, self._unsent = self._unsent, {}
                try:
                    await self._send(batch)
                except FAILURES as error:
                    for topic, metas in batch.items():
                        self._unsent[topic] = {**metas, **self._unsent.get(topic, {})}
                    self._link.failed(error)
        finally:
            self._writer = None

    async def _send(self, batch: dict[str, dict[str, Meta]]) -> None:
        sent = [(ref, meta) for metas in batch.values() for ref, (_key, meta) in metas.items()]
        self._announced.update(ref for ref, _meta in sent)
        async with self._link.client.pipeline(transaction=False) as pipeline:
            for topic, metas in batch.items():
                name, here = self._link.key("presence", topic), self._link.process
                for ref, (key, meta) in metas.items():
                    if meta is None:
                        pipeline.hdel(name, ref)
                    else:
                        pipeline.hset(name, ref, orjson.dumps([here, key, meta]))
                pipeline.expire(name, TTL_SECONDS)
                pipeline.publish(self._channel(topic), pack(here, [self._tag + orjson.dumps(metas)]))
            await pipeline.execute()
        self._announced.difference_update(ref for ref, meta in sent if meta is None)

    # Members elsewhere

    def _apply(self, topic: str, process: str, changes: Mapping[str, Any]) -> None:
        others, joins, leaves = self._others[topic], [], []
        for ref, (key, meta) in changes.items():
            if meta is not None and ref not in others:
                others[ref] = (process, key)
                joins.append((key, ref, meta))
            elif meta is None and others.pop(ref, None) is not None:
                leaves.append((key, ref))
        change = self._presence.merge(topic, joins, leaves)
        if change["joins"] or change["leaves"]:
            self._deliver(Message(topic, "presence_diff", change, at=clock.now()))

    async def _read(self, topic: str) -> None:
        self._left[topic] = set()
        try:
            found = await self._fetch(topic)
            await self._add(topic, found)
        except FAILURES as error:
            self._link.failed(error)
        finally:
            self._left.pop(topic, None)
            self._loading.pop(topic, None)

    async def _fetch(self, topic: str) -> dict[bytes, bytes]:
        found: Any = await self._link.client.hgetall(self._link.key("presence", topic))
        return dict(found)

    async def _add(self, topic: str, found: Mapping[bytes, bytes]) -> None:
        """Take in what stands in a topic's hash; what dead processes left there is swept out."""
        by_process: dict[str, dict[str, Any]] = {}
        for ref, value in found.items():
            process, key, meta = orjson.loads(value)
            if process != self._link.process:
                by_process.setdefault(process, {})[ref.decode()] = (key, meta)
        alive = await self._link.alive(list(by_process)) if by_process else set()
        for process, metas in by_process.items():
            known = any(process == other for other, _key in self._others.get(topic, {}).values())
            if process not in alive and not known:
                await self._link.client.hdel(self._link.key("presence", topic), *metas)
            elif topic in self._others:
                left = self._left.get(topic, set())
                self._apply(topic, process, {ref: meta for ref, meta in metas.items() if ref not in left})

    async def _read_all(self, *, whole: bool = False) -> None:
        """Look through the hashes again; only when ``whole`` does what is absent there count as gone."""
        for topic in list(self._others):
            found = await self._fetch(topic)
            await self._add(topic, found)
            if whole:
                present = {ref.decode() for ref in found}
                self._drop(topic, lambda ref, _process, present=present: ref not in present)  # type: ignore[misc]

    async def _bury_the_dead(self, now: float) -> None:
        processes = sorted({process for refs in self._others.values() for process, _key in refs.values()})
        alive = await self._link.alive(processes) if processes else set()
        since = {process: self._missing.get(process, now) for process in processes if process not in alive}
        self._missing = since
        dead = {process for process, at in since.items() if now - at > SUSPECT_SECONDS}
        for topic in list(self._others) if dead else ():
            gone = self._drop(topic, lambda _ref, process: process in dead)
            if gone:
                await self._link.client.hdel(self._link.key("presence", topic), *gone)

    def _drop(self, topic: str, which: Callable[[str, str], bool]) -> list[str]:
        others = self._others.get(topic, {})
        gone = {ref: (key, None) for ref, (process, key) in others.items() if which(ref, process)}
        with suppress(KeyError):
            self._apply(topic, "", gone)
        return list(gone)
