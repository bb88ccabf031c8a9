"""Who goes first where only one at a time can: whoever a client waits for, before work in the background."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from contextvars import ContextVar

_PATIENCE_SECONDS = 0.05

_background: ContextVar[bool] = ContextVar("rallypoint_background", default=False)


def in_background(context: contextvars.Context) -> contextvars.Context:
    """Have everything that is run in a context, and the tasks begun there, count as background work."""
    context.run(_background.set, True)
    return context


class PrecedenceLock:
    """A lock that is handed to whoever a client waits for, then to background work, each first come first served.

    Background work that has waited for a twentieth of a second gets every other turn, so that neither kind can
    keep the other out. To be used as :class:`asyncio.Lock`.
    """

    def __init__(self) -> None:
        self._locked = False
        self._was_late = False
        self._clients: deque[asyncio.Future[None]] = deque()
        self._later: deque[tuple[float, asyncio.Future[None]]] = deque()

    def locked(self) -> bool:
        """Tell whether somebody holds it."""
        return self._locked

    async def acquire(self) -> bool:
        """Wait for it, and return True."""
        if not self._locked:
            self._locked = True
            return True
        place = asyncio.get_running_loop().create_future()
        if _background.get():
            self._later.append((time.monotonic(), place))
        else:
            self._clients.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was handed over in that very moment
                self.release()
            raise
        return True

    def release(self) -> None:
        """Hand it to the next.

        Raises:
            RuntimeError: Nobody holds it.
        """
        if not self._locked:
            raise RuntimeError("the lock is not held")
        while (place := self._next()) is not None:
            if not place.done():  # else whoever waited was cancelled
                place.set_result(None)
                return
        self._locked = False

    def _next(self) -> asyncio.Future[None] | None:
        late = bool(self._later) and time.monotonic() - self._later[0][0] > _PATIENCE_SECONDS
        if self._clients and not (late and not self._was_late):
            self._was_late = False
            return self._clients.popleft()
        self._was_late = late
        return self._later.popleft()[1] if self._later else None
