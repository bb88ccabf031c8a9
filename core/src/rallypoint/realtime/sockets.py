"""Every socket transport, as plain ASGI applications that stand in front of the web framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from rallypoint.identity.api import Authenticator
from rallypoint.realtime.hub import RESTART, Hub
from rallypoint.realtime.phoenix import Phoenix
from rallypoint.realtime.socketio import SocketIO
from rallypoint.realtime.supabase import Supabase
from rallypoint.realtime.supabase_http import PATH, SupabaseBroadcast
from rallypoint.settings import Settings

Scope = Mapping[str, Any]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


class Sockets:
    """The transports, composed.

    Args:
        hub: Where clients join topics.
        authenticator: Checks their credentials.
        settings: Limits and origins.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator, settings: Settings) -> None:
        self._hub = hub
        self._socketio = SocketIO(hub, authenticator, settings)
        self._broadcast = SupabaseBroadcast(hub, authenticator, settings)
        self._routes: dict[tuple[str, str], ASGIApp] = {
            ("websocket", "/socket/websocket"): Phoenix(hub, authenticator, settings),
            ("websocket", "/realtime/v1/websocket"): Supabase(hub, authenticator, settings),
        }
        authenticator.on_revoked(hub.drop_credential)

    def route(self, scope: Scope) -> ASGIApp | None:
        """Return what serves a connection or request; None leaves it to the web framework."""
        if scope["type"] not in ("http", "websocket"):
            return None
        path: str = scope["path"]
        if path.startswith("/socket.io/") or path == "/socket.io":
            return cast(ASGIApp, self._socketio.app)
        if scope["type"] == "http" and (path == PATH or path.startswith(f"{PATH}/")):
            return self._broadcast
        return self._routes.get((scope["type"], path))

    async def start(self) -> None:
        """Get ready for clients."""

    async def stop(self) -> None:
        """Send every client away; they come back by themselves when the server does."""
        self._hub.close_all(RESTART)
        await self._socketio.stop()
