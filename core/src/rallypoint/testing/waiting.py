"""Waits for what a server does by itself, without guessing how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_STEP_SECONDS = 0.05


async def eventually(
    ask: Callable[[], Awaitable[T]], holds: Callable[[T], object] = bool, *, seconds: float = 15.0
) -> T:
    """Ask again and again until the answer is right, and return it.

    Args:
        ask: A coroutine function.
        holds: Tells whether the answer is right; truthy when left out.
        seconds: How long to go on.

    Raises:
        AssertionError: It never was; the message shows the last answer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds(answer := await ask()):
        if loop.time() >= deadline:
            raise AssertionError(f"still {answer!r} after {seconds:g} s")
        await asyncio.sleep(_STEP_SECONDS)
    return answer
