"""Work that many callers want done at about the same time, done in one go."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from rallypoint.storage.precedence import in_background

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Gathers items for a moment, so that one transaction, in the background, serves all their callers.

    Args:
        work: Does something for items and returns a result for each, in their order; what it raises every one of
            the callers gets.
        seconds: How long the first item waits for others.
    """

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], seconds: float) -> None:
        self._work, self._seconds = work, seconds
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, item: T) -> R:
        """Have it done for an item; a caller that is cancelled leaves it to be done all the same."""
        place: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, place))
        if len(self._waiting) == 1:
            # Nobody's transaction or request is the one that all are served in.
            task = in_background(contextvars.Context()).run(asyncio.create_task, self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await place

    async def _serve(self) -> None:
        await asyncio.sleep(self._seconds)
        served, self._waiting = self._waiting, []
        try:
            results = await self._work([item for item, _ in served])
        except Exception as error:
            for _, place in served:
                if not place.done():
                    place.set_exception(error)
            return
        for (_, place), result in zip(served, results, strict=True):
            if not place.done():
                place.set_result(result)
