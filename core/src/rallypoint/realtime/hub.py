"""The hub: joins connections to topics and hands what is published to their members, whatever they speak.

A join has two halves. :meth:`Hub.join` authorises and collects what was missed while everything published
meanwhile is held back; the transport sends its reply; :meth:`Hub.open` then sends presence, the replay and
what was held back, in that order. So nothing that follows the state in the reply is lost, and nothing comes
before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from structlog.stdlib import BoundLogger, get_logger

from rallypoint.identity.api import Principal
from rallypoint.realtime.bus import Bus, LocalBus
from rallypoint.realtime.channel import Channel, Join, Message, Payload, Refused, Replay
from rallypoint.realtime.connection import Connection, Encoder, Member
from rallypoint.realtime.fanout import Fanout
from rallypoint.realtime.presence import Metas, Presence
from rallypoint.realtime.roster import Flooded, Roster, TooManyConnections
from rallypoint.realtime.topics import Channels
from rallypoint.settings import Settings
from rallypoint.storage import clock

RESTART = 1012
LOGGED_OUT = 1001
POLICY = 1008

T = TypeVar("T")
log: BoundLogger = get_logger(__name__)


class Hub:
    """All sockets of a process.

    Args:
        settings: The limits.
        bus: Reaches other processes.
    """

    def __init__(self, settings: Settings, bus: Bus | None = None) -> None:
        self._settings = settings
        self._channels = Channels()
        self._roster = Roster(settings)
        self._fanout = Fanout()
        self._presence = Presence()
        self._bus = bus or LocalBus()
        self._publish = self._bus.attach(self._fanout.deliver, self._presence)

    # Channels

    def add_channel(self, channel: Channel) -> None:
        """Serve a channel on every transport.

        Raises:
            ValueError: Another channel has the same pattern.
        """
        self._channels.add(channel)

    @property
    def channels(self) -> Channels:
        """The channels served."""
        return self._channels

    # Connections

    async def connect(self, connection: Connection) -> None:
        """Take in an authenticated connection.

        Raises:
            TooManyConnections: Its user has ``limit_sockets_per_user`` already, over all processes.
        """
        self._roster.add(connection)
        self._watch_expiry(connection)
        user, limit = connection.principal.user_id, self._settings.limit_sockets_per_user
        if not await self._bus.claim(user, connection.id, limit) and self._settings.rate_limits:
            self.disconnect(connection)
            raise TooManyConnections

    def disconnect(self, connection: Connection) -> None:
        """Forget a connection that has ended; harmless when it is forgotten already."""
        if self._roster.remove(connection):
            self._bus.release(connection.principal.user_id, connection.id)
            for key in tuple(connection.members):
                self.leave(connection, key)

    def renew(self, connection: Connection, principal: Principal) -> None:
        """Let a connection live on with a new access token.

        Raises:
            Refused: The token belongs to somebody else.
        """
        old = connection.principal
        if (old.user_id, old.account_id, old.mode) != (
            principal.user_id,
            principal.account_id,
            principal.mode,
        ):
            raise Refused("unauthorized")
        connection.principal = principal
        for member in connection.members.values():
            member.join = replace(member.join, principal=principal)
        self._watch_expiry(connection)

    def drop_credential(self, credential_id: str) -> None:
        """End every socket that stands on a credential which has been revoked."""
        for connection in self._roster.of_credential(credential_id):
            self.drop(connection, LOGGED_OUT, "credential revoked")

    def close_all(self, code: int = RESTART) -> None:
        """End every socket; clients come back by themselves after 1012."""
        for connection in tuple(self._roster):
            self.drop(connection, code, "server restart" if code == RESTART else "closed by the server")

    def drop(self, connection: Connection, code: int, reason: str) -> None:
        """End a socket and forget it at once."""
        log.info("socket_dropped", connection=connection.id, code=code, reason=reason)
        self.disconnect(connection)
        connection.close(code, reason)

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._roster)

    # Topics

    async def join(
        self,
        connection: Connection,
        topic: str,
        params: Payload,
        since: str | None = None,
        *,
        key: str | None = None,
        encoder: Encoder | None = None,
        push: Callable[[Message], None] | None = None,
        channel: Channel | None = None,
    ) -> Member:
        """Join a topic; the caller replies with :attr:`Member.response`, then calls :meth:`open`.

        A member of the same key is replaced.

        Args:
            connection: Who joins.
            topic: The whole topic.
            params: What the client sent along.
            since: Id of the last durable event the client saw.
            key: Names the membership in this connection; the topic by default.
            encoder: What this member speaks, when not what its connection does.
            push: Sends a message to this member alone, in the transport's own form for that.
            channel: Serves a topic of the transport's own, in place of the channels added.

        Raises:
            Refused: With the reason for the client.
        """
        serving, variables = (channel, {}) if channel else self._find(topic)
        request = Join(connection.principal, topic, variables, params, connection.id)
        member = Member(connection, key or topic, serving, request, encoder or connection.encoder, push)
        self._admit(member)
        try:
            await self._bus.enter(topic)
            member.joined = await self._run(member.channel, "join", member.channel.join(member.join))
            missed = Replay()
            if since:
                missed = await self._run(member.channel, "replay", member.channel.replay(topic, since))
        except BaseException:
            self._remove(member)
            raise
        if connection.members.get(member.key) is not member:
            raise Refused("closed")  # left, replaced or disconnected meanwhile
        member.replay = missed.messages
        member.response = (
            {**member.joined.response, "resync": True} if missed.resync else member.joined.response
        )
        return member

    async def authorize(self, principal: Principal, topic: str) -> None:
        """Check that somebody may join a topic, without a socket.

        Raises:
            Refused: With the reason for the client.
        """
        channel, variables = self._find(topic)
        await self._run(channel, "join", channel.join(Join(principal, topic, variables, {})))

    def open(self, member: Member) -> None:
        """Send what belongs after the reply to a join, and every message from now on."""
        if member.connection.members.get(member.key) is not member or member.backlog is None:
            return
        self._enter(member)
        seen = {message.id for message in member.replay}
        held_back = [message for message in member.backlog if not message.id or message.id not in seen]
        for message in (*member.replay, *held_back):
            if message.skip != member.connection.id:
                member.tell(message)
        member.replay, member.backlog = (), None
        self._fanout.open(member)

    def leave(self, connection: Connection, key: str) -> bool:
        """Leave a topic and tell whether the connection was on it."""
        member = connection.members.get(key)
        if member is None:
            return False
        self._remove(member)
        return True

    async def receive(self, connection: Connection, key: str, event: str, payload: Payload) -> Payload | None:
        """Handle an event from a member and return what goes into its reply.

        Raises:
            Refused: With the reason for the client.
        """
        self.count_event(connection)
        member = connection.members.get(key)
        if member is None or member.backlog is not None:
            raise Refused("unmatched topic")
        if event not in member.channel.accepts:
            raise Refused("unmatched event")
        return await self._run(member.channel, event, member.channel.receive(member.join, event, payload))

    def count_event(self, connection: Connection) -> None:
        """Count an event from a client.

        Raises:
            Refused: It sends too many.
        """
        try:
            self._roster.count_event(connection)
        except Flooded:
            self.drop(connection, POLICY, "too many events")
            raise Refused("rate limited") from None

    def publish(self, message: Message) -> None:
        """Send a message to every member of its topic, here and elsewhere. Never waits, never raises."""
        self._publish(message)

    def presence(self, topic: str) -> Metas:
        """Return who is on a topic, in the shape of ``presence_state``; only what this process knows of it."""
        return self._presence.state(topic)

    def members(self, topic: str) -> int:
        """Return how many members a topic has in this process."""
        return sum(1 for _ in self._fanout.members(topic))

    def track(self, member: Member, key: str, meta: Payload) -> None:
        """Show a member in its topic's presence, or replace what it shows."""
        previous = member.presence_ref if key == member.presence_key else None
        if previous is None:
            self.untrack(member)
        member.presence_key = key
        member.presence_ref, change = self._presence.track(member.topic, key, meta, previous)
        self._fanout.deliver(Message(member.topic, "presence_diff", change, at=clock.now()))

    def untrack(self, member: Member) -> None:
        """Take a member out of its topic's presence."""
        if member.presence_ref is None:
            return
        change = self._presence.untrack(member.topic, member.presence_key, member.presence_ref)
        member.presence_ref = None
        self._fanout.deliver(Message(member.topic, "presence_diff", change, at=clock.now()))

    # Details

    def _admit(self, member: Member) -> None:
        connection = member.connection
        if connection not in self._roster:
            raise Refused("closed")
        self.count_event(connection)
        self.leave(connection, member.key)
        if len(connection.members) >= self._settings.limit_topics_per_socket:
            raise Refused("too many channels joined")
        connection.members[member.key] = member
        self._fanout.hold(member)

    def _remove(self, member: Member) -> None:
        if member.connection.members.get(member.key) is member:
            del member.connection.members[member.key]
        self._fanout.remove(member)
        self.untrack(member)
        if not self._fanout.occupied(member.topic):
            self._bus.leave(member.topic)

    def _enter(self, member: Member) -> None:
        """Show a new member to those on the topic, and them to it: the state has it, so it gets no diff."""
        if member.joined.presence_key is not None:
            held_back, member.backlog = member.backlog, None
            self.track(member, member.joined.presence_key, member.joined.presence_meta)
            member.backlog = held_back
            state = self._presence.state(member.topic)
            member.tell(Message(member.topic, "presence_state", state, at=clock.now()))

    def _find(self, topic: str) -> tuple[Channel, dict[str, str]]:
        found = self._channels.find(topic)
        if found is None:
            raise Refused("unmatched topic")
        return found

    def _watch_expiry(self, connection: Connection) -> None:
        self._roster.watch_expiry(
            connection, lambda: self.drop(connection, LOGGED_OUT, "access token expired")
        )

    async def _run(self, channel: Channel, what: str, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._settings.hook_timeout):
                return await work
        except Refused:
            raise
        except Exception as error:
            log.exception("channel_failed", pattern=channel.pattern, event_name=what)
            raise Refused("timeout" if isinstance(error, TimeoutError) else "internal error") from error
