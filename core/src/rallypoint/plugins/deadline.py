"""Stops code that blocks: an interval timer whose signal raises in it.

No timeout around a coroutine can do this, because the code never gives the loop its turn. The exception is no
``Exception``, so ``except Exception`` does not swallow it, and the timer repeats for code that swallows all.
Only the main thread can be stopped so, and no code inside a C function that never returns to Python.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

REPEAT_SECONDS = 0.25
LAST_WARNING = 20
EXIT_CODE = 70


class DeadlineExceeded(BaseException):
    """The code under a deadline took too long; raised inside it."""


def on_main_thread() -> bool:
    """Tell whether this thread can be interrupted by a signal."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """Raise :class:`DeadlineExceeded` in the block when it takes longer than ``seconds``.

    Code that swallows the exception again and again ends the process: who wrote a crash marker before finds
    it at the next start and leaves that code out.

    Args:
        seconds: More than zero.
        what: What takes so long, for the message.

    Raises:
        RuntimeError: This is not the main thread.
    """
    if not on_main_thread():
        raise RuntimeError("a deadline needs the main thread")
    ticks = 0

    def expired(_signal: int, _frame: FrameType | None) -> None:
        nonlocal ticks
        ticks += 1
        if ticks > LAST_WARNING:
            sys.stderr.write(f"rallypoint: {what} cannot be stopped; the next start leaves it out\n")
            sys.stderr.flush()
            os._exit(EXIT_CODE)
        raise DeadlineExceeded(f"{what} took more than {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, expired)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)
