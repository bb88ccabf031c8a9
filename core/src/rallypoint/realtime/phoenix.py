"""Phoenix Channels, serializer versions 1.0.0 and 2.0.0, at ``/socket/websocket``.

Version 2 frames are arrays ``[join_ref, ref, topic, event, payload]``, version 1 frames objects; the names
and the order of replies follow ``Phoenix.Socket`` and ``Phoenix.Channel.Server``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from rallypoint.errors import ApiError
from rallypoint.identity.api import Principal
from rallypoint.realtime.channel import Message, Payload, Refused
from rallypoint.realtime.connection import as_payload
from rallypoint.realtime.outbound import Frame, Outbound, text_frame
from rallypoint.realtime.transport import (
    BadFrame,
    Handshake,
    HandshakeRefused,
    WebSocketConnection,
    WebSocketTransport,
    parse_json,
)

Version = Literal[1, 2]
VERSIONS: dict[str, Version] = {"1.0.0": 1, "2.0.0": 2}
SUBPROTOCOL = "phoenix"
BEARER_SUBPROTOCOL = "base64url.bearer.phx."
CONTROL_TOPIC = "phoenix"
PUSH = 0


@dataclass(frozen=True, slots=True)
class Push:
    """A frame from a client; the refs are its own."""

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: Payload
    binary: bool = False


@dataclass(frozen=True, slots=True)
class PhoenixEncoder:
    """The wire format of one serializer version."""

    version: Version

    def encode(self, message: Message) -> Sequence[Frame]:
        """Return a broadcast: without a ``join_ref``, which a client would compare with its own."""
        return (self.frame(None, None, message.topic, message.event, message.raw or message.payload),)

    def frame(
        self, join_ref: str | None, ref: str | None, topic: str, event: str, payload: Payload | bytes
    ) -> Frame:
        """Return a frame; ``payload`` may be JSON bytes already."""
        data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        if self.version == 1:
            head = orjson.dumps({"topic": topic, "event": event, "ref": ref})[:-1]
            return text_frame(head + b',"payload":' + data + b"}")
        head = orjson.dumps([join_ref, ref, topic, event])[:-1]
        return text_frame(head + b"," + data + b"]")

    def parse(self, data: str | bytes) -> Push:
        """Parse a client's frame.

        Raises:
            BadFrame: It is none.
        """
        if isinstance(data, bytes):
            return parse_binary_push(data)
        frame = parse_json(data)
        if self.version == 1 and isinstance(frame, dict):
            frame = [frame.get(name) for name in ("join_ref", "ref", "topic", "event", "payload")]
        if not isinstance(frame, list) or len(frame) != 5:
            raise BadFrame("not a Phoenix frame")
        join_ref, ref, topic, event, payload = frame
        if not isinstance(topic, str) or not isinstance(event, str):
            raise BadFrame("not a Phoenix frame")
        return Push(_ref(join_ref), _ref(ref), topic, event, as_payload(payload))


def parse_binary_push(data: bytes) -> Push:
    """Parse a binary push: its kind, four lengths, then join_ref, ref, topic and event; the rest is payload.

    Raises:
        BadFrame: It is cut short or of another kind.
    """
    if len(data) < 5 or data[0] != PUSH or len(data) < 5 + sum(data[1:5]):
        raise BadFrame("not a binary push")
    fields, start = [], 5
    for length in data[1:5]:
        fields.append(data[start : start + length].decode("utf-8", "replace"))
        start += length
    join_ref, ref, topic, event = fields
    return Push(join_ref or None, ref or None, topic, event, {}, binary=True)


class PhoenixConnection(WebSocketConnection):
    """A client of npm ``phoenix`` or any other."""

    encoder: PhoenixEncoder

    def __init__(
        self, principal: Principal, version: Version, outbound: Outbound, transport: Phoenix
    ) -> None:
        super().__init__(principal, PhoenixEncoder(version), outbound)
        self._transport = transport
        self._hub = transport.hub
        self._join_refs: dict[str, str | None] = {}

    async def receive(self, data: str | bytes) -> None:
        """Handle a frame and reply to it."""
        push = self.encoder.parse(data)
        stale = push.topic in self._join_refs and push.join_ref not in (None, self._join_refs[push.topic])
        if stale and push.event != "phx_join":
            return  # of a channel that the client has replaced since
        try:
            await self._dispatch(push)
        except Refused as refusal:
            self._reply(push, "error", {"reason": refusal.reason})

    async def _dispatch(self, push: Push) -> None:
        if push.binary:
            raise Refused("binary payloads are not supported")
        if push.event == "phx_join":
            await self._join(push)
        elif push.event == "phx_leave":
            self._leave(push)
        elif push.topic == CONTROL_TOPIC and push.event == "heartbeat":
            self._hub.count_event(self)
            self._reply(push, "ok", {})
        elif push.event == "access_token":
            await self._renew(push)
        else:
            response = await self._hub.receive(self, push.topic, push.event, push.payload)
            self._reply(push, "ok", response or {})

    async def _join(self, push: Push) -> None:
        if push.topic in self._join_refs:
            self._close(push.topic)
        since = push.payload.get("since")

        def tell(message: Message) -> None:
            payload = message.raw or message.payload
            self.send(self.encoder.frame(push.join_ref, None, message.topic, message.event, payload))

        member = await self._hub.join(
            self, push.topic, push.payload, since if isinstance(since, str) else None, push=tell
        )
        self._join_refs[push.topic] = push.join_ref
        self._reply(push, "ok", member.response)
        self._hub.open(member)

    def _leave(self, push: Push) -> None:
        self._hub.count_event(self)
        self._reply(push, "ok", {})
        if push.topic in self._join_refs:
            self._close(push.topic)

    def _close(self, topic: str) -> None:
        join_ref = self._join_refs.pop(topic)
        self._hub.leave(self, topic)
        self.send(self.encoder.frame(join_ref, join_ref, topic, "phx_close", {}))

    async def _renew(self, push: Push) -> None:
        self._hub.count_event(self)
        token = push.payload.get("access_token") or push.payload.get("token")
        try:
            self._hub.renew(self, await self._transport.principal(str(token or "")))
        except ApiError as error:
            raise Refused(error.code.lower()) from None
        self._reply(push, "ok", {})

    def _reply(self, push: Push, status: str, response: Payload) -> None:
        join_ref = push.join_ref if push.topic in self._join_refs or push.event == "phx_join" else None
        payload = {"status": status, "response": response}
        self.send(self.encoder.frame(join_ref, push.ref, push.topic, "phx_reply", payload))


class Phoenix(WebSocketTransport):
    """The transport."""

    async def open(self, handshake: Handshake, outbound: Outbound) -> PhoenixConnection:
        """Accept a token in ``token`` or in the subprotocol that newer clients offer."""
        version = VERSIONS.get(handshake.params.get("vsn", "1.0.0"))
        if version is None:
            raise HandshakeRefused(403, "unknown vsn")
        token = handshake.params.get("token", "") or subprotocol_token(handshake.subprotocols)
        connection = PhoenixConnection(await self.principal(token), version, outbound, self)
        if SUBPROTOCOL in handshake.subprotocols:
            connection.subprotocol = SUBPROTOCOL
        return connection


def subprotocol_token(offered: Sequence[str]) -> str:
    """Return the token in ``base64url.bearer.phx.<token>``, which no log sees; empty without one."""
    for protocol in offered:
        if protocol.startswith(BEARER_SUBPROTOCOL):
            encoded = protocol.removeprefix(BEARER_SUBPROTOCOL)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            except (binascii.Error, ValueError):
                return ""
    return ""


def _ref(value: Any) -> str | None:
    return value if isinstance(value, str) else None
