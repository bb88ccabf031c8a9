"""Engine.IO with a short way out: frames go straight to the ASGI server, not through a queue and a task.

python-engineio gives every socket a queue and a writer task, so a broadcast costs two task switches a
client, five times what Node's server spends. Here a frame that nothing stands in front of goes through
:class:`~rallypoint.realtime.outbound.Outbound`; everything else (long polling, an upgrade under way, a
packet that the writer still holds) takes the queue, so that order is kept.

What this leans on in python-engineio, checked by ``tests/core/realtime/test_engineio.py``: the driver table
``_async``; that a driver is made with its socket's bound handler; ``AsyncSocket.upgraded`` and ``.queue``;
``create_queue``; and that the writer calls ``task_done`` and sends what it took without waiting in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import engineio
from engineio.async_drivers import asgi
from engineio.packet import MESSAGE, NOOP, Packet

from rallypoint.realtime.lean import socketio
from rallypoint.realtime.outbound import Frame, Outbound, QueueLimits, binary_frame, close_frame, text_frame

CLOSE_SECONDS = 5.0
POLICY = 1008
PACKETS_A_POLL = 16  # python-engineio's own client refuses a longer payload


class PacketQueue(asyncio.Queue[Any]):
    """A socket's queue that knows whether the writer still holds something."""

    def __init__(self) -> None:
        super().__init__()
        self.held = 0
        self._taken = 0

    def put_nowait(self, item: Any) -> None:
        """Queue a packet."""
        super().put_nowait(item)
        self.held += 1

    async def get(self) -> Any:
        """Wait for a packet, the first of a batch."""
        self._taken = 0
        return await super().get()

    def get_nowait(self) -> Any:
        """Return one more packet of a batch, as long as it has room.

        Raises:
            asyncio.QueueEmpty: The batch is complete.
        """
        if self._taken == PACKETS_A_POLL:
            raise asyncio.QueueEmpty
        self._taken += 1
        return super().get_nowait()

    def task_done(self) -> None:
        """Note that the writer is about to send what it took."""
        super().task_done()
        self.held -= 1


class DirectWebSocket(asgi.WebSocket):  # type: ignore[misc]
    """Engine.IO's ASGI driver with an :class:`Outbound` in front of ``send``."""

    def __init__(self, handler: Callable[..., Any], server: DirectServer) -> None:
        super().__init__(handler, server)
        self.sid: str = handler.__self__.sid  # type: ignore[attr-defined]
        self.server = server
        self.outbound: Outbound | None = None
        self.task: asyncio.Task[Any] | None = None

    async def __call__(self, environ: dict[str, Any]) -> Any:
        """Serve the WebSocket until it ends."""
        self.task = asyncio.current_task()
        self.outbound = Outbound(environ["asgi.send"], self.server.limits, self._overflowed)
        self.server.drivers[self.sid] = self
        try:
            return await super().__call__(environ)
        finally:
            self.server.drivers.pop(self.sid, None)
            self.outbound.close()

    async def send(self, message: str | bytes) -> None:
        """Send a packet of the writer's, after what waits already."""
        assert self.outbound is not None
        self.outbound.send(binary_frame(message) if isinstance(message, bytes) else text_frame(message))

    async def wait(self) -> str | bytes:
        """Return the next packet; what is none ends the connection, for Engine.IO's reader trips over it."""
        data: str | bytes = await super().wait()
        if isinstance(data, str) and data[:1] not in set("0123456"):
            raise OSError("not an Engine.IO packet")
        return data

    async def close(self) -> None:
        """End the WebSocket, unless the client takes too long to take what waits."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self.outbound is not None:
                    await self.outbound.drained()
                await super().close()
        except TimeoutError:
            pass

    def finish(self, frames: list[Frame]) -> None:
        """Send these last frames, then end the request whether the client takes them or not."""
        assert self.outbound is not None
        self.outbound.finish(frames, CLOSE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.task is not None:
            self.task.cancel()  # Engine.IO takes this for the end of the connection and cleans up

    def _overflowed(self) -> None:
        self.server.overflowed(self.sid)


class DirectServer(engineio.AsyncServer):  # type: ignore[misc]
    """Engine.IO's server; :meth:`sender` is the short way out.

    Attributes:
        limits: Of what waits for one client.
        patience: Seconds in which a new socket must be admitted.
        admitted: Tells whether a socket, by its id, has authenticated.
        overflowed: Called with the id of a socket whose client has fallen too far behind.
        drivers: Of sockets on WebSocket, by their id.
    """

    def __init__(self, *, limits: QueueLimits, patience: float, **options: Any) -> None:
        super().__init__(**options)
        self._async: dict[str, Any] = {**self._async, "websocket": DirectWebSocket}
        self.limits = limits
        self.patience = patience
        self.admitted: Callable[[str], bool] = lambda _sid: True
        self.overflowed: Callable[[str], None] = lambda _sid: None
        self.drivers: dict[str, DirectWebSocket] = {}

    def create_queue(self, *_args: Any, **_options: Any) -> PacketQueue:
        """Return a socket's queue."""
        return PacketQueue()

    def on(self, event: str, handler: Callable[..., Any] | None = None) -> Any:
        """Register a handler; those of ``connect`` and ``disconnect`` also start and end what is ours."""
        if handler is not None and event == "connect":
            return super().on(event, self._then_watch(handler))
        if handler is not None and event == "disconnect":
            return super().on(event, self._then_release(handler))
        return super().on(event, handler)

    def _then_watch(self, told: Callable[..., Any]) -> Callable[..., Any]:
        async def connected(sid: str, environ: dict[str, Any]) -> Any:
            asyncio.get_running_loop().call_later(self.patience, self._expire, sid)
            return await told(sid, environ)

        return connected

    def _then_release(self, told: Callable[..., Any]) -> Callable[..., Any]:
        async def disconnected(sid: str, reason: str) -> None:
            await told(sid, reason)
            if sid in self.sockets and not self.sockets[sid].upgraded:
                self.sockets[sid].queue.put_nowait(Packet(NOOP))  # answers a poll that would wait for nothing

        return disconnected

    def _expire(self, sid: str) -> None:
        if sid not in self.sockets or self.admitted(sid):
            return
        if sid in self.drivers:
            self.drivers[sid].finish([close_frame(POLICY, "no authentication")])
        else:
            self._expiring = asyncio.ensure_future(self.sockets[sid].close(wait=False))

    def sender(self, sid: str) -> Callable[[Frame], None]:
        """Return what sends a socket text frames that hold an Engine.IO message packet, without waiting."""
        socket = self.sockets[sid]
        queue: PacketQueue = socket.queue
        drivers = self.drivers

        def send(frame: Frame) -> None:
            driver = drivers.get(sid)
            if driver is not None and not queue.held and socket.upgraded and driver.outbound is not None:
                driver.outbound.send(frame)
            elif queue.qsize() >= self.limits.frames:
                self.overflowed(sid)
            elif not socket.closed:
                queue.put_nowait(Packet(MESSAGE, frame.message["text"][1:]))

        return send


class DirectSocketIO(socketio.AsyncServer):  # type: ignore[misc]
    """Socket.IO's server on :class:`DirectServer`."""

    def _engineio_server_class(self) -> type[DirectServer]:
        return DirectServer
