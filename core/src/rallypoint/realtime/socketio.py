"""Socket.IO, the main transport: default namespace and path.

The client connects with ``auth: {token}``, emits ``join`` and ``leave`` and a channel's own events, each
acknowledged with ``{status, response}``; the server emits an event with ``{topic, payload, id, at}``. When
the server ends a connection it emits ``dropped`` with ``{code, reason}`` first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from rallypoint.errors import ApiError, Unauthorized
from rallypoint.identity.api import Authenticator, Principal
from rallypoint.realtime.channel import Message, Payload, Refused
from rallypoint.realtime.connection import Connection, as_payload
from rallypoint.realtime.engineio import DirectSocketIO
from rallypoint.realtime.hub import LOGGED_OUT, Hub
from rallypoint.realtime.lean import socketio
from rallypoint.realtime.outbound import Frame, QueueLimits, close_frame, text_frame
from rallypoint.realtime.roster import TooManyConnections
from rallypoint.settings import Settings
from rallypoint.storage import clock

OVERLOADED = 1013

Ack = Mapping[str, Any]


def event_frame(event: str, body: bytes) -> Frame:
    """Return ``event`` with one argument as a Socket.IO packet (EVENT, 2) in an Engine.IO MESSAGE (4)."""
    return text_frame(b"42[" + orjson.dumps(event) + b"," + body + b"]")


class SocketIOEncoder:
    """The wire format; there is only one."""

    def encode(self, message: Message) -> Sequence[Frame]:
        """Return the one frame, with bytes that are encoded already put in as they stand."""
        payload = orjson.dumps(message.payload) if message.raw is None else message.raw
        head = orjson.dumps({"topic": message.topic})[:-1]
        tail = orjson.dumps({"id": message.id or None, "at": clock.rfc3339(message.at or clock.now())})[1:]
        return (event_frame(message.event, head + b',"payload":' + payload + b"," + tail),)


ENCODER = SocketIOEncoder()


class SocketIOConnection(Connection):
    """A client on the default namespace."""

    def __init__(self, principal: Principal, server: DirectSocketIO, sid: str, engine_sid: str) -> None:
        super().__init__(principal, ENCODER, server.eio.sender(engine_sid))
        self._server = server
        self._sid = sid
        self.engine_sid = engine_sid

    def close(self, code: int, reason: str) -> None:
        """End the connection; only a forced logout also keeps the client from coming back by itself."""
        dropped = event_frame("dropped", orjson.dumps({"code": code, "reason": reason}))
        disconnect = [text_frame("41")] if code == LOGGED_OUT else []
        driver = self._server.eio.drivers.get(self.engine_sid)
        if driver is not None:
            driver.finish([dropped, *disconnect, close_frame(code, reason)])
        elif code == LOGGED_OUT:
            self.send(dropped)
            self._ending = asyncio.ensure_future(self._server.disconnect(self._sid))
        elif self.engine_sid in self._server.eio.sockets:
            self.send(dropped)
            self._ending = asyncio.ensure_future(self._server.eio.sockets[self.engine_sid].close(wait=False))


def ok(response: Payload | None = None) -> Ack:
    """Return the acknowledgement of what was done."""
    return {"status": "ok", "response": dict(response or {})}


def error(reason: str) -> Ack:
    """Return the acknowledgement of what was refused."""
    return {"status": "error", "response": {"reason": reason}}


class SocketIO:
    """The transport.

    Args:
        hub: Where the clients join.
        authenticator: Checks their tokens.
        settings: Limits and origins.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator, settings: Settings) -> None:
        self._hub = hub
        self._authenticator = authenticator
        self._connections: dict[str, SocketIOConnection] = {}
        self._by_engine: dict[str, SocketIOConnection] = {}
        self.server = DirectSocketIO(
            async_mode="asgi",
            async_handlers=False,  # in order: an event sent right after a join finds the join done
            cors_allowed_origins=_origin_check(settings.cors_origins),
            max_http_buffer_size=settings.limit_socket_frame_bytes,
            limits=QueueLimits(settings.socket_queue_frames, settings.socket_queue_bytes),
            patience=settings.socket_authentication_timeout,
        )
        self.server.eio.overflowed = self._overflowed
        self.server.eio.admitted = self._by_engine.__contains__
        for event in ("connect", "disconnect", "join", "leave", "access_token"):
            self.server.on(event, getattr(self, f"_{event}"))
        self.server.on("*", self._event)
        self.app = socketio.ASGIApp(self.server)

    async def stop(self) -> None:
        """Stop watching the clients; those connected are closed by the hub."""
        await self.server.shutdown()

    async def _connect(self, sid: str, _environ: Mapping[str, Any], auth: Any = None) -> None:
        try:
            principal = await self._authenticate(auth)
        except ApiError as refusal:
            raise socketio.exceptions.ConnectionRefusedError(refusal.code.lower()) from None
        engine_sid = self.server.manager.eio_sid_from_sid(sid, "/")
        connection = SocketIOConnection(principal, self.server, sid, engine_sid)
        try:
            await self._hub.connect(connection)
        except TooManyConnections:
            raise socketio.exceptions.ConnectionRefusedError(
                "too many connections", {"status": 429, "code": "RATE_LIMITED"}
            ) from None
        self._connections[sid] = self._by_engine[engine_sid] = connection

    async def _disconnect(self, sid: str, _reason: str) -> None:
        connection = self._connections.pop(sid, None)
        if connection is not None:
            self._by_engine.pop(connection.engine_sid, None)
            self._hub.disconnect(connection)

    async def _join(self, sid: str, *args: Any) -> Ack:
        request = _request(args)
        topic, since = request.get("topic"), request.get("since")
        if not isinstance(topic, str) or not isinstance(since, str | None):
            return error("bad request")
        try:
            member = await self._hub.join(
                self._connections[sid], topic, as_payload(request.get("params")), since
            )
        except Refused as refusal:
            return error(refusal.reason)
        # Runs after the acknowledgement has been queued, which happens before control returns to the loop.
        asyncio.get_running_loop().call_soon(self._hub.open, member)
        return ok(member.response)

    async def _leave(self, sid: str, *args: Any) -> Ack:
        connection = self._connections[sid]
        try:
            self._hub.count_event(connection)
        except Refused as refusal:
            return error(refusal.reason)
        self._hub.leave(connection, str(_request(args).get("topic")))
        return ok()

    async def _access_token(self, sid: str, *args: Any) -> Ack:
        connection = self._connections[sid]
        try:
            self._hub.count_event(connection)
            self._hub.renew(connection, await self._authenticate(_request(args)))
        except Refused as refusal:
            return error(refusal.reason)
        except ApiError as refusal:
            return error(refusal.code.lower())
        return ok()

    async def _event(self, event: str, sid: str, *args: Any) -> Ack:
        request = _request(args)
        topic, payload = request.get("topic"), as_payload(request.get("payload"))
        try:
            return ok(await self._hub.receive(self._connections[sid], str(topic), event, payload))
        except Refused as refusal:
            return error(refusal.reason)

    async def _authenticate(self, shown: Any) -> Principal:
        token = shown.get("token") if isinstance(shown, Mapping) else None
        if not isinstance(token, str) or not token:
            raise Unauthorized("A token is needed")
        return await self._authenticator.authenticate(token)

    def _overflowed(self, engine_sid: str) -> None:
        connection = self._by_engine.get(engine_sid)
        if connection is not None:
            self._hub.drop(connection, OVERLOADED, "slow client")


def _request(args: Sequence[Any]) -> Mapping[str, Any]:
    return as_payload(args[0] if args else None)


def _origin_check(allowed: Sequence[str]) -> Callable[[str, Mapping[str, Any]], bool]:
    def check(origin: str, environ: Mapping[str, Any]) -> bool:
        same = urlsplit(origin).netloc == environ.get("HTTP_HOST")
        return same or origin in allowed or "*" in allowed

    return check
