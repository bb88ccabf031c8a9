"""The factory that wires the house: settings → plugins → storage → web."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import structlog

from rallypoint.house import House
from rallypoint.opening import Opening
from rallypoint.plugins.discovery import Discovered
from rallypoint.plugins.loader import load
from rallypoint.role import Role
from rallypoint.settings import Settings
from rallypoint.storage.database import DatabaseAway
from rallypoint.web.middleware import behind_proxies

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = structlog.stdlib.get_logger("rallypoint")


def build(settings: Settings, *, role: Role | None = None, found: Iterable[Discovered] | None = None) -> App:
    """Make a server; call it on the main thread before the event loop, for plugins are loaded here.

    Args:
        settings: With a secret key (``security.secrets.ensure_secret_key``).
        role: What the process is for; a server when left out.
        found: The installed plugins; discovered when left out.

    Raises:
        StartRefused: ``RALLYPOINT_PLUGINS`` or ``RALLYPOINT_STRICT_PLUGINS`` demand it.
    """
    house = House(settings, role or Role.server(settings))
    plugins = load(house.kernel, registry=house.claims(), found=found)
    return App(Opening(house, plugins))


class App:
    """The ASGI application: sockets first, everything else through the web layer.

    Args:
        opening: Opens and closes what is served.
    """

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.house = opening.house
        self._asgi = behind_proxies(self._serve, self.house.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, request, or the lifespan (ASGI 3.0)."""
        await self._asgi(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        serve = self.house.sockets.route(scope)
        if serve is not None:
            await serve(scope, receive, send)
        elif scope["type"] == "http":
            await self.house.web.asgi(scope, receive, send)
        else:  # a WebSocket that nobody speaks; closing before accepting answers 403
            await receive()
            await send({"type": "websocket.close", "code": 4404, "reason": "no such socket"})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.opening.open()
        except Exception as error:
            if isinstance(error, DatabaseAway):  # no bug of ours: a traceback would only hide the reason
                _log.error("the server cannot start", reason=error.reason)
            else:
                _log.exception("the server cannot start")
            await self.opening.close()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.opening.close()
        await send({"type": "lifespan.shutdown.complete"})
