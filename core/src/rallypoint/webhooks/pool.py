"""Workers that send lanes: a fixed number for those who answer, and more beside them for those who hang."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")
_log = structlog.stdlib.get_logger("rallypoint.webhooks")


class Pool(Generic[T]):
    """Runs ``work`` for each item put in, first come first served.

    A worker that has been busy with one item for longer than ``patience`` no longer counts as one, so slow
    receivers cannot use up the places of quick ones.

    Args:
        work: Must not raise; an exception is logged and costs only its item.
        size: Items worked on at once.
        most: The same, slow ones included.
        patience: Seconds.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[None]],
        *,
        size: int = 100,
        most: int = 2000,
        patience: float = 0.5,
    ) -> None:
        self._work = work
        self._size, self._most, self._patience = size, most, patience
        self._queue: deque[T] = deque()
        self._busy: dict[asyncio.Task[None], float] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._slow = 0
        self._stopping = False

    def put(self, item: T) -> None:
        """Work on ``item`` as soon as there is a place; nothing is begun once the pool is being stopped."""
        if not self._stopping:
            self._queue.append(item)
            self._grow()

    def tend(self) -> None:
        """Make places for those that slow items hold; to be called now and then."""
        limit = time.monotonic() - self._patience
        self._slow = sum(1 for begun in self._busy.values() if begun < limit)
        self._grow()

    async def stop(self, grace: float) -> None:
        """Begin nothing more, let what runs finish within ``grace`` seconds, then cancel it."""
        self._stopping = True
        self._queue.clear()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=grace)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _grow(self) -> None:
        places = min(self._size + self._slow, self._most)
        if len(self._workers) < places and self._queue:
            worker = asyncio.create_task(self._serve(), name="webhooks.worker")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _serve(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        while self._queue and len(self._workers) <= self._size + self._slow:
            item = self._queue.popleft()
            self._grow()
            self._busy[me] = time.monotonic()
            try:
                await self._work(item)
            except Exception:
                _log.exception("a delivery could not be worked on")
            finally:
                del self._busy[me]
