"""The bus between processes: a Redis channel for each topic, and one for what concerns every process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson
import structlog

from rallypoint.realtime.bus import Receive
from rallypoint.realtime.channel import Message
from rallypoint.realtime.presence import Presence
from rallypoint.redis.healing import Healing
from rallypoint.redis.link import Link
from rallypoint.redis.order import Order
from rallypoint.redis.presence import SharedPresence
from rallypoint.redis.publisher import MISSED_SINCE, Publisher
from rallypoint.redis.sockets import SocketCount
from rallypoint.redis.subscriber import Subscriber
from rallypoint.redis.wire import decode, encode, sender_of, unpack
from rallypoint.storage.database import Database

MESSAGE, PRESENCE = b"m", b"p"
_log = structlog.stdlib.get_logger("rallypoint.redis")


class RedisBus:
    """Connects the hub of this process with those of others.

    Messages of one process on one topic stay in order; each reaches every other process at most once. What
    Redis could not bring is healed from the outbox (see :mod:`rallypoint.redis.healing`).

    Args:
        link: To Redis.
        database: With the outbox.
    """

    def __init__(self, link: Link, database: Database) -> None:
        self._link = link
        self._database = database
        self._deliver: Receive = _nobody
        self._revoked: Callable[[Iterable[str]], None] = _nobody
        self._control = link.key("control")
        self._publisher = Publisher(link, self._control)
        self._subscriber = Subscriber(link, self._take)
        self._sockets = SocketCount(link)
        self._order = Order(self._receive, lambda: link.up)
        self._healing = Healing(database, link, self._order.take_at_once, lambda: self._subscriber.sure)
        self._topics = link.key("topic", "")
        self._presence = SharedPresence(link, self._topics.__add__, PRESENCE, self._receive)
        link.recovered.append(self._recovered)

    # What the hub sees (``realtime.bus.Bus``)

    def attach(self, receive: Receive, presence: Presence) -> Receive:
        """Connect this process's hub (see ``Bus.attach``)."""
        self._deliver = receive
        self._presence.attach(presence)
        return self._publish

    async def enter(self, topic: str) -> None:
        """Follow a topic, and know who is on it elsewhere (see ``Bus.enter``)."""
        self._order.follow(topic)
        if await self._subscriber.follow(self._topics + topic):
            await self._presence.load(topic)

    def leave(self, topic: str) -> None:
        """Follow a topic no more (see ``Bus.leave``)."""
        self._subscriber.forget(self._topics + topic)
        self._presence.unload(topic)
        self._order.forget(topic)

    async def claim(self, user_id: str, connection_id: str, limit: int) -> bool:
        """Count a socket of a user (see ``Bus.claim``)."""
        return await self._sockets.claim(user_id, connection_id, limit)

    def release(self, user_id: str, connection_id: str) -> None:
        """Count a socket no more (see ``Bus.release``)."""
        self._sockets.release(user_id, connection_id)

    # What the rest of the house sees

    async def open(self) -> None:
        """Begin; with Redis away this process serves alone until it comes."""
        await self._subscriber.follow(self._control)
        await self._link.open()
        self._healing.open()

    async def close(self) -> None:
        """Send what waits, take this process's members from the others' sight, and stop."""
        await self._healing.close()
        await self._presence.close()
        await self._sockets.close()
        await self._publisher.drained()
        await self._subscriber.close()
        await self._link.close()

    def on_revoked(self, callback: Callable[[Iterable[str]], None]) -> None:
        """Call ``callback(credential_ids)`` when another process revokes credentials."""
        self._revoked = callback

    def tell_revoked(self, credential_ids: Iterable[str]) -> None:
        """Tell the other processes that credentials have been revoked."""
        self._tell_all({"revoked": list(credential_ids)})

    # Details

    def _publish(self, message: Message) -> None:
        self._healing.saw(message)
        self._order.take(message)
        try:
            frame = MESSAGE + encode(message)
        except TypeError:
            _log.exception("message cannot be told to others", topic=message.topic, event_name=message.event)
            return
        self._publisher.send(self._topics + message.topic, frame)

    def _tell_all(self, notice: dict[str, object]) -> None:
        self._publisher.send(self._control, orjson.dumps(notice))

    def _receive(self, message: Message) -> None:
        self._deliver(message)

    def _take(self, channel: str, body: bytes) -> None:
        try:
            for frame in unpack(body):
                self._take_frame(channel, sender_of(body), frame)
        except Exception:  # one bad body must not end the subscription
            _log.exception("a message from another process cannot be read", channel=channel)

    def _take_frame(self, channel: str, sender: str, frame: bytes) -> None:
        if channel == self._control:
            self._obey(orjson.loads(frame))
        elif frame[:1] == PRESENCE:
            self._presence.take(channel.removeprefix(self._topics), sender, frame[1:])
        else:
            message = decode(channel.removeprefix(self._topics), frame[1:])
            self._healing.saw(message)
            self._order.take(message)

    def _obey(self, notice: dict[str, object]) -> None:
        if isinstance(revoked := notice.get("revoked"), list):
            self._revoked(revoked)
        if isinstance(since := notice.get(MISSED_SINCE), int):
            self._healing.ask(since)

    def _recovered(self) -> None:
        """Give this process's members what they missed; the publisher sees to everybody else's."""
        gap, self._subscriber.gap_since = self._subscriber.gap_since, None
        if gap is not None:
            self._healing.ask(gap)


def _nobody(_what: object) -> None:
    """Stand in until somebody listens."""
