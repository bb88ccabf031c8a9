"""A small real server with every socket transport and one channel, for tests of the transports."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import uvicorn

from rallypoint.errors import Unauthorized
from rallypoint.identity.api import Principal
from rallypoint.realtime.channel import Channel, Join, Joined, Message, Payload, Refused, Replay, RowChange
from rallypoint.realtime.hub import Hub
from rallypoint.realtime.sockets import Sockets
from rallypoint.realtime.wire import WireProtocol
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id


class Gate:
    """Authenticates the tokens it issued."""

    def __init__(self) -> None:
        self._principals: dict[str, Principal] = {}
        self._callbacks: list[Callable[[str], None]] = []

    def issue(self, token: str, user: str = "", account: str = "acme", expires_at: int | None = None) -> str:
        self._principals[token] = Principal(
            user or token, 1, account, "user", "live", f"credential-{token}", expires_at
        )
        return token

    async def authenticate(self, credential: str) -> Principal:
        principal = self._principals.get(credential)
        if principal is None or (principal.expires_at is not None and principal.expires_at <= clock.now()):
            raise Unauthorized("The token is not valid")
        return principal

    def on_revoked(self, callback: Callable[[str], None]) -> None:
        self._callbacks.append(callback)

    def revoke(self, token: str) -> None:
        principal = self._principals.pop(token)
        for callback in self._callbacks:
            callback(principal.credential_id)


class RoomChannel(Channel):
    """Rooms: ``closed`` refuses everyone, ``acme-…`` all but acme's users; the rest are open."""

    pattern = "room:{room_id}"
    accepts = frozenset({"say", "typing", "fail", "hang", "forbidden"})
    tables: ClassVar = {
        "room_participants": {"id": "uuid", "room_id": "uuid", "user_id": "uuid", "is_active": "bool"},
        "rooms": {"id": "uuid", "name": "text"},
    }

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.history: dict[str, list[Message]] = {}
        self.joining = asyncio.Event()
        self.may_join = asyncio.Event()
        self.may_join.set()

    async def join(self, join: Join) -> Joined:
        room = join.variables["room_id"]
        self.joining.set()
        await self.may_join.wait()
        if room == "closed" or (room.startswith("acme-") and join.principal.account_id != "acme"):
            raise Refused("not_found")
        if room == "broken":
            raise RuntimeError("a bug in a channel")
        key = None if join.params.get("quiet") else f"user:{join.principal.user_id}"
        return Joined({"room": {"id": room}}, key, {"user_id": join.principal.user_id})

    async def receive(self, join: Join, event: str, payload: Payload) -> Payload | None:
        if event == "fail":
            raise RuntimeError("a bug in a channel")
        if event == "hang":
            await asyncio.sleep(3600)
        if event == "forbidden":
            raise Refused("forbidden")
        if event == "typing":
            self.hub.publish(Message(join.topic, "typing", payload, skip=join.connection_id))
            return None
        return {"id": self.say(join.topic, payload).id}

    async def replay(self, topic: str, since: str) -> Replay:
        history = self.history.get(topic, [])
        ids = [message.id for message in history]
        return Replay(history[ids.index(since) + 1 :]) if since in ids else Replay(resync=True)

    def topic_of(self, table: str, column: str, value: str) -> str | None:
        named = (table, column) in {("room_participants", "room_id"), ("rooms", "id")}
        return f"room:{value}" if named else None

    def say(self, topic: str, payload: Payload, raw: bytes | None = None) -> Message:
        room = topic.partition(":")[2]
        row = {"id": new_id(), "room_id": room, "user_id": "u", "is_active": True}
        message = Message(
            topic,
            "said",
            payload,
            id=new_id(),
            at=1_762_524_000_000,
            raw=raw,
            changes=(RowChange("room_participants", "INSERT", row),),
        )
        self.history.setdefault(topic, []).append(message)
        self.hub.publish(message)
        return message


@dataclass
class House:
    """What a test holds of the server."""

    url: str
    hub: Hub
    gate: Gate
    channel: RoomChannel
    sockets: Sockets
    server: uvicorn.Server
    raised: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1)


@asynccontextmanager
async def open_house(ws: Any = WireProtocol, **settings: Any) -> AsyncIterator[House]:
    """Serve until the block ends."""
    options = Settings(_env_file=None, **settings)  # type: ignore[call-arg]
    hub, gate = Hub(options), Gate()
    channel = RoomChannel(hub)
    hub.add_channel(channel)
    sockets = Sockets(hub, gate, options)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        target = sockets.route(scope)
        if target is not None:
            await target(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                ws=WireProtocol,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                timeout_graceful_shutdown=2,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        await sockets.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield House(url, hub, gate, channel, sockets, server)
        finally:
            channel.may_join.set()
            await sockets.stop()
            server.should_exit = True
            await serving
