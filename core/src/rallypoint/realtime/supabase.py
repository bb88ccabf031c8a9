"""Supabase Realtime as ``supabase-js`` speaks it, at ``/realtime/v1/websocket``.

It is Phoenix Channels with topics ``realtime:<name>`` and three extensions: ``postgres_changes`` (see
``rows``), ``broadcast`` and ``presence`` between clients. A name that is one of our topics carries its
events too, as broadcasts, and is open to whoever may join it; any other name is private to the account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson

from rallypoint.errors import ApiError
from rallypoint.identity.api import Principal
from rallypoint.realtime.channel import Channel, Join, Joined, Message, Payload, Refused
from rallypoint.realtime.connection import Member, as_payload
from rallypoint.realtime.hub import Hub
from rallypoint.realtime.outbound import Frame, Outbound, binary_frame
from rallypoint.realtime.phoenix import VERSIONS, PhoenixEncoder, Push, Version
from rallypoint.realtime.rows import Binding, bind, change_data
from rallypoint.realtime.supabase_binary import (
    USER_BROADCAST_PUSH,
    broadcast_bytes,
    is_binary,
    parse_broadcast,
)
from rallypoint.realtime.transport import Handshake, HandshakeRefused, WebSocketConnection, WebSocketTransport
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id

PREFIX = "realtime:"


@dataclass(frozen=True, slots=True)
class ChangesEncoder:
    """A topic of ours as one client channel hears it.

    Args:
        wire: Serializer version.
        topic: The client's, with its prefix.
        bindings: On this topic.
        events: Whether its events come as broadcasts, too.
    """

    wire: PhoenixEncoder
    topic: str
    bindings: tuple[Binding, ...]
    events: bool

    def encode(self, message: Message) -> Sequence[Frame]:
        """Return a frame for each change that a binding concerns, then the event itself."""
        if message.event.startswith("presence_"):
            return ()  # clients have a presence of their own
        changes = [frame for change in message.changes for frame in self._change(message, change)]
        return [*changes, *self._event(message)]

    def _change(self, message: Message, change: Any) -> Sequence[Frame]:
        concerned = [binding for binding in self.bindings if binding.concerns(change)]
        if not concerned:
            return ()
        data = change_data(change, concerned[0], message.at or clock.now())
        payload = {"ids": [binding.id for binding in concerned], "data": data}
        return (self.wire.frame(None, None, self.topic, "postgres_changes", payload),)

    def _event(self, message: Message) -> Sequence[Frame]:
        if not self.events:
            return ()
        payload = orjson.Fragment(message.raw) if message.raw is not None else message.payload
        body = {"type": "broadcast", "event": message.event, "payload": payload}
        return (self.wire.frame(None, None, self.topic, "broadcast", body),)


@dataclass(frozen=True, slots=True)
class ClientsEncoder:
    """What clients of one channel send each other."""

    wire: PhoenixEncoder
    topic: str

    def encode(self, message: Message) -> Sequence[Frame]:
        """Return the frame under the client's topic."""
        if not is_binary(message.payload):
            return (self.wire.frame(None, None, self.topic, message.event, message.payload),)
        return (binary_frame(broadcast_bytes(self.topic, message.payload)),) if self.wire.version == 2 else ()


class ClientsChannel(Channel):
    """Broadcast and presence between clients; who may be here was decided before."""

    pattern = "supabase"

    async def join(self, join: Join) -> Joined:  # noqa: ARG002
        """Let in."""
        return Joined()


CLIENTS = ClientsChannel()


def clients_topic(hub: Hub, principal: Principal, name: str) -> str:
    """Return the topic of what clients of a channel send each other; only a name of ours crosses accounts."""
    known = hub.channels.find(name) is not None
    scope = "shared" if known else f"{principal.account_id}/{principal.mode}"
    return f"supabase/{scope}/{quote(name, safe='')}"


@dataclass(slots=True)
class Subscribed:
    """A channel that a client has joined."""

    join_ref: str | None
    clients: Member
    presence_key: str
    acknowledge: bool
    echo: bool
    keys: list[str] = field(default_factory=list)


class SupabaseConnection(WebSocketConnection):
    """A client of ``supabase-js``."""

    encoder: PhoenixEncoder

    def __init__(
        self, principal: Principal, version: Version, outbound: Outbound, transport: Supabase
    ) -> None:
        super().__init__(principal, PhoenixEncoder(version), outbound)
        self._transport = transport
        self._hub = transport.hub
        self._channels: dict[str, Subscribed] = {}

    async def receive(self, data: str | bytes) -> None:
        """Handle a frame and reply to it."""
        if isinstance(data, bytes) and data[:1] == bytes([USER_BROADCAST_PUSH]):
            push = parse_broadcast(data)
        else:
            push = self.encoder.parse(data)
        channel = self._channels.get(push.topic)
        if channel and push.event != "phx_join" and push.join_ref not in (None, channel.join_ref):
            return  # of a channel that the client has replaced since
        try:
            await self._dispatch(push, channel)
        except Refused as refusal:
            self._reply(push, "error", {"reason": refusal.reason})

    async def _dispatch(self, push: Push, channel: Subscribed | None) -> None:
        if push.binary:
            raise Refused("binary payloads are for broadcasts alone")
        if push.event == "phx_join":
            await self._join(push)
            return
        self._hub.count_event(self)
        if push.event == "phx_leave":
            self._reply(push, "ok", {})
            self._leave(push.topic)
        elif push.topic == "phoenix" and push.event == "heartbeat":
            self._reply(push, "ok", {})
        elif channel is None:
            raise Refused("unmatched topic")
        elif push.event == "access_token":
            await self._renew(push)
        elif push.event == "broadcast":
            self._broadcast(push, channel)
        elif push.event == "presence":
            self._presence(push, channel)
        else:
            raise Refused("unmatched event")

    async def _join(self, push: Push) -> None:
        if not push.topic.startswith(PREFIX):
            raise Refused("unmatched topic")
        self._leave(push.topic)
        await self._use_token(push.payload.get("access_token"))
        config = as_payload(push.payload.get("config"))
        requests = config.get("postgres_changes") or []
        name = push.topic.removeprefix(PREFIX)
        bindings = bind(requests, name, self._hub.channels)
        members = await self._subscribe(push.topic, name, bindings)
        channel = self._channels[push.topic] = self._subscribed(push, config, members)
        confirmed = [
            {**request, "id": binding.id} for request, binding in zip(requests, bindings, strict=True)
        ]
        self._reply(push, "ok", {"postgres_changes": confirmed} if confirmed else {})
        if confirmed:
            self._system(push, "postgres_changes", "ok", "Subscribed to PostgreSQL")
        for member in members:
            self._hub.open(member)
        if as_payload(config.get("presence")).get("enabled") is not False:
            state = self._hub.presence(channel.clients.topic)
            self.send(self.encoder.frame(push.join_ref, None, push.topic, "presence_state", state))

    async def _subscribe(self, topic: str, name: str, bindings: Sequence[Binding]) -> list[Member]:
        """Join what carries the rows, and what clients send each other, which comes last."""
        topics = dict.fromkeys(binding.topic for binding in bindings)
        if self._hub.channels.find(name) is not None:
            topics[name] = None
        members: list[Member] = []
        try:
            for each in topics:
                mine = tuple(binding for binding in bindings if binding.topic == each)
                encoder = ChangesEncoder(self.encoder, topic, mine, each == name)
                members.append(await self._hub.join(self, each, {}, key=f"{topic}\n{each}", encoder=encoder))
            shared, encoding = (
                clients_topic(self._hub, self.principal, name),
                ClientsEncoder(self.encoder, topic),
            )
            members.append(
                await self._hub.join(self, shared, {}, key=topic, encoder=encoding, channel=CLIENTS)
            )
        except Refused:
            for member in members:
                self._hub.leave(self, member.key)
            raise
        return members

    @staticmethod
    def _subscribed(push: Push, config: Payload, members: Sequence[Member]) -> Subscribed:
        broadcast, presence = as_payload(config.get("broadcast")), as_payload(config.get("presence"))
        return Subscribed(
            push.join_ref,
            members[-1],
            str(presence.get("key") or new_id())[:255],
            bool(broadcast.get("ack")),
            bool(broadcast.get("self")),
            [member.key for member in members],
        )

    def _leave(self, topic: str) -> None:
        channel = self._channels.pop(topic, None)
        if channel is None:
            return
        for key in channel.keys:
            self._hub.leave(self, key)
        self.send(self.encoder.frame(channel.join_ref, channel.join_ref, topic, "phx_close", {}))

    def _broadcast(self, push: Push, channel: Subscribed) -> None:
        skip = "" if channel.echo else self.id
        payload = {**push.payload, "type": "broadcast"}
        self._hub.publish(Message(channel.clients.topic, "broadcast", payload, at=clock.now(), skip=skip))
        if channel.acknowledge:
            self._reply(push, "ok", {})

    def _presence(self, push: Push, channel: Subscribed) -> None:
        wanted = str(push.payload.get("event")).lower()
        if wanted == "track":
            self._hub.track(channel.clients, channel.presence_key, as_payload(push.payload.get("payload")))
        elif wanted == "untrack":
            self._hub.untrack(channel.clients)
        else:
            raise Refused("unmatched event")
        self._reply(push, "ok", {})

    async def _renew(self, push: Push) -> None:
        try:
            await self._use_token(push.payload.get("access_token"))
        except Refused as refusal:
            self._system(push, "system", "error", f"The access token was refused: {refusal.reason}")

    async def _use_token(self, token: Any) -> None:
        if not isinstance(token, str):
            return  # the key in the URL holds on
        try:
            self._hub.renew(self, await self._transport.principal(token))
        except ApiError as error:
            raise Refused(error.code.lower()) from None

    def _system(self, push: Push, extension: str, status: str, text: str) -> None:
        name = push.topic.removeprefix(PREFIX)
        payload = {"extension": extension, "status": status, "message": text, "channel": name}
        self.send(self.encoder.frame(push.join_ref, None, push.topic, "system", payload))

    def _reply(self, push: Push, status: str, response: Payload) -> None:
        payload = {"status": status, "response": response}
        self.send(self.encoder.frame(push.join_ref, push.ref, push.topic, "phx_reply", payload))


class Supabase(WebSocketTransport):
    """The transport."""

    async def open(self, handshake: Handshake, outbound: Outbound) -> SupabaseConnection:
        """Accept an access token or API key in ``apikey``."""
        version = VERSIONS.get(handshake.params.get("vsn", "1.0.0"))
        if version is None:
            raise HandshakeRefused(403, "unknown vsn")
        principal = await self.principal(handshake.params.get("apikey", ""))
        return SupabaseConnection(principal, version, outbound, self)
