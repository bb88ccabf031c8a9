"""A broadcast's WebSocket frame, made once for all its clients instead of once for each.

What a server sends is not masked (RFC 6455 §5.1), so the bytes of a frame are the same for every client. Node's
Socket.IO server does likewise; without it, making frames is half of what uvicorn spends on a message.

What this leans on in uvicorn, checked by ``tests/core/realtime/test_wire.py``: its protocol's ``send`` is ASGI's;
``writable``, ``disconnected`` and ``transport``; and whatever ``conn`` produces is written at once, so that nothing
is overtaken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

WIRE = "rallypoint.wire"
"""Key of a ``websocket.send`` message under which its frame stands; servers that do not know it take the text."""

_FIN = 0x80
_TEXT = 0x01


def text_on_the_wire(text: bytes) -> bytes:
    """Return the frame of a text message (RFC 6455 §5.2)."""
    size = len(text)
    if size < 126:
        head = bytes((_FIN | _TEXT, size))
    elif size < 1 << 16:
        head = bytes((_FIN | _TEXT, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | _TEXT, 127)) + size.to_bytes(8, "big")
    return head + text


class WireProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, which sends frames that are made already as they stand."""

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send an ASGI message."""
        frame = message.get(WIRE)
        if frame is not None and self._takes_frames():
            self.transport.write(frame)
        else:
            await super().send(message)  # type: ignore[arg-type]

    def _takes_frames(self) -> bool:
        conn = self.conn
        return self.writable.is_set() and not self.disconnected and conn.state is OPEN and not conn.extensions
