"""``rallypoint serve``: the server in this process, tuned for many sockets."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from rallypoint.app import build
from rallypoint.commands import collector
from rallypoint.commands.closing import close_listeners
from rallypoint.logs import configure_logging
from rallypoint.plugins.loader import StartRefused
from rallypoint.realtime.wire import WireProtocol
from rallypoint.security.secrets import SecretsError, ensure_secret_key
from rallypoint.settings import Settings

GRACE_SECONDS = 10


class Server(uvicorn.Server):
    """Uvicorn with the collector out of the sockets' way, and with clients told before they are cut off.

    Args:
        config: Of uvicorn.
        leave: Ends every socket in the way its client understands.
    """

    def __init__(self, config: uvicorn.Config, leave: Callable[[], None]) -> None:
        super().__init__(config)
        self._leave = leave

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Start, then leave what lives for ever to itself."""
        await super().startup(sockets)  # type: ignore[arg-type]
        collector.settle()

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Refuse new connections, send the sockets' clients elsewhere, then finish the requests at hand.

        Uvicorn by itself would cut WebSockets off without a word, and wait for long polls until its time is up.
        """
        await close_listeners(self.servers, self._protocol)
        self._leave()
        await super().shutdown(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        """Stop as told, and at once when Ctrl-C is pressed again.

        Uvicorn would raise the signal again when all is done, so that a stop without a fault looks like a failure.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    def _protocol(self) -> asyncio.Protocol:
        """Make what uvicorn gives each connection that it accepts."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def serve(settings: Settings) -> None:
    """Serve until told to stop; exits with 1, having said why, when the server cannot start."""
    configure_logging(settings)
    try:
        app = build(ensure_secret_key(settings))
    except (SecretsError, StartRefused) as error:
        sys.exit(f"rallypoint: {error}")
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws=WireProtocol,
        ws_per_message_deflate=False,  # compressing a broadcast once for each socket costs more than it saves
        ws_max_size=settings.max_body_bytes,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # web.middleware decides whom to believe
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    try:
        Server(config, app.house.hub.close_all).run()
    except SystemExit:  # uvicorn's, which are several
        sys.exit(1)
