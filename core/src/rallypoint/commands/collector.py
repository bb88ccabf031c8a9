"""The garbage collector of a process that runs for long: out of the way of its start, and of what never dies."""

from __future__ import annotations

import gc


def hold() -> None:
    """Collect nothing for now: nearly all that a start makes lives for ever, and to look through it takes a while."""
    gc.disable()


def settle() -> None:
    """Collect once, and never look again at what has been made so far; from now on collect now and then.

    Pauses of full collections dominated the 99th percentile of fan-out.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    gc.enable()
