"""What the plain WebSocket transports share: handshake, reading, silence, and the way out.

They are ASGI applications of their own, in front of the web framework: a socket costs half the memory that
way.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from structlog.stdlib import BoundLogger, get_logger

from rallypoint.errors import ApiError, Unauthorized
from rallypoint.identity.api import Authenticator, Principal
from rallypoint.realtime.connection import Connection, Encoder
from rallypoint.realtime.hub import Hub
from rallypoint.realtime.outbound import Outbound, QueueLimits, Send, close_frame
from rallypoint.realtime.roster import TooManyConnections
from rallypoint.settings import Settings

BAD_DATA = 1003
TOO_BIG = 1009
INTERNAL = 1011
OVERLOADED = 1013
GOING_AWAY = 1001
CLOSE_SECONDS = 5.0
NO_TOKEN = frozenset({"", "null", "undefined"})  # what JavaScript makes of a missing one

log: BoundLogger = get_logger(__name__)


class HandshakeRefused(Exception):
    """The WebSocket is not accepted.

    Args:
        status: Of the HTTP reply.
        reason: For the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class BadFrame(Exception):
    """A frame breaks the transport's protocol; the socket ends."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client opens a WebSocket with.

    Args:
        params: The query's, the last value of each.
        subprotocols: Offered.
    """

    params: Mapping[str, str]
    subprotocols: tuple[str, ...]

    @classmethod
    def take(cls, scope: MutableMapping[str, Any]) -> Handshake:
        """Read the handshake and empty the query in the scope, so that no server logs the token in it."""
        query = bytes(scope.get("query_string", b"")).decode("utf-8", "replace")
        scope["query_string"] = b""
        return cls(dict(parse_qsl(query, keep_blank_values=True)), tuple(scope.get("subprotocols", ())))


class WebSocketConnection(Connection):
    """A client on a WebSocket of ours; subclasses speak its protocol."""

    subprotocol: str | None = None

    def __init__(self, principal: Principal, encoder: Encoder, outbound: Outbound) -> None:
        super().__init__(principal, encoder, outbound.send)
        self._outbound = outbound
        self._task = asyncio.current_task()
        self.given_up = False

    def close(self, code: int, reason: str) -> None:
        """Send the close frame, and end the request when the client does not take it in time."""
        self._outbound.finish([close_frame(code, reason)], CLOSE_SECONDS, self._give_up)

    @abstractmethod
    async def receive(self, data: str | bytes) -> None:
        """Handle a text or binary frame.

        Raises:
            BadFrame: It breaks the protocol.
        """

    def _give_up(self) -> None:
        self.given_up = True
        if self._task is not None:
            self._task.cancel()


class WebSocketTransport(ABC):
    """An ASGI application for one path.

    Args:
        hub: Where the clients join.
        authenticator: Checks their tokens.
        settings: Limits.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator, settings: Settings) -> None:
        self.hub = hub
        self.authenticator = authenticator
        self._settings = settings

    @abstractmethod
    async def open(self, handshake: Handshake, outbound: Outbound) -> WebSocketConnection:
        """Return the connection a handshake makes.

        Raises:
            HandshakeRefused: It is not accepted.
        """

    async def principal(self, token: str) -> Principal:
        """Return whom a token stands for.

        Raises:
            Unauthorized: There is none, or it does not hold.
        """
        if token in NO_TOKEN:
            raise Unauthorized("A token is needed")
        return await self.authenticator.authenticate(token)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        """Serve one WebSocket until it ends."""
        await receive()  # websocket.connect
        holder: list[WebSocketConnection] = []
        limits = QueueLimits(self._settings.socket_queue_frames, self._settings.socket_queue_bytes)
        outbound = Outbound(send, limits, lambda: self.hub.drop(holder[0], OVERLOADED, "slow client"))
        try:
            connection = await self._admit(Handshake.take(scope), outbound)
        except HandshakeRefused as refusal:
            await _refuse(scope, send, refusal)
            await _hung_up(receive)
            return
        holder.append(connection)
        try:
            await send({"type": "websocket.accept", "subprotocol": connection.subprotocol})
            await self._read(connection, receive)
        except asyncio.CancelledError:
            outbound.close()
            if not connection.given_up:
                raise
        finally:
            self.hub.disconnect(connection)
            await self._let_go(outbound)

    async def _admit(self, handshake: Handshake, outbound: Outbound) -> WebSocketConnection:
        try:
            connection = await self.open(handshake, outbound)
            await self.hub.connect(connection)
        except ApiError as error:
            raise HandshakeRefused(403, error.code.lower()) from None
        except TooManyConnections:
            raise HandshakeRefused(429, "too many connections") from None
        return connection

    async def _read(self, connection: WebSocketConnection, receive: Any) -> None:
        while True:
            try:
                async with asyncio.timeout(self._settings.socket_heartbeat_timeout):
                    event = await receive()
            except TimeoutError:
                self.hub.drop(connection, GOING_AWAY, "no heartbeat")
                return
            if event["type"] != "websocket.receive":
                return
            await self._handle(connection, event.get("text") or event.get("bytes") or b"")

    async def _handle(self, connection: WebSocketConnection, data: str | bytes) -> None:
        if len(data) > self._settings.limit_socket_frame_bytes:
            self.hub.drop(connection, TOO_BIG, "frame too big")
            return
        try:
            await connection.receive(data)
        except BadFrame as error:
            self.hub.drop(connection, BAD_DATA, str(error))
        except Exception:
            log.exception("socket_failed", connection=connection.id)
            self.hub.drop(connection, INTERNAL, "internal error")

    @staticmethod
    async def _let_go(outbound: Outbound) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await outbound.drained()
        except TimeoutError:
            pass
        finally:
            outbound.close()


def parse_json(data: str | bytes) -> Any:
    """Parse a frame.

    Raises:
        BadFrame: It is not JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadFrame("not JSON") from None


async def _refuse(scope: Mapping[str, Any], send: Send, refusal: HandshakeRefused) -> None:
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
        return
    headers = [(b"content-type", b"application/json")]
    if refusal.status == 429:
        headers.append((b"retry-after", b"10"))
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    body = orjson.dumps({"error": refusal.reason})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


async def _hung_up(receive: Any) -> None:
    """Wait a moment for the refused client to go: uvicorn logs an error if the application returns first."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            for _ in range(2):  # uvicorn reports the refusal itself as a disconnect first
                await receive()
